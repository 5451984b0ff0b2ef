import { connect } from 'node:net';
import { encodeFrame, FrameReader } from '../../host/frame.js';
import type { Host } from '../../host/host.js';
import { socketPath } from './place.js';
import type { ServiceStatus } from './service.js';

const PATIENCE_MS = 3000;
const MOST_BYTES = 64 * 1024;

/**
 * Asks the service of this state folder.
 * @param question `stop` has it take nobody on any more
 * @returns how it stands, or null where none answers
 */
export async function ask(host: Host, question: 'status' | 'stop'): Promise<ServiceStatus | null> {
  const socket = connect(socketPath(host));
  const reader = new FrameReader(MOST_BYTES);
  const late = setTimeout(() => socket.destroy(), PATIENCE_MS);
  let answer: ServiceStatus | null = null;
  await new Promise<void>((resolve) => {
    socket
      .on('data', (chunk) => {
        reader.push(chunk);
        const frame = reader.next();
        if (frame === null) return;
        if (frame.kind === 'J') answer = JSON.parse(frame.body.toString()) as ServiceStatus;
        socket.destroy();
      })
      // Nobody listens, or nobody who says what a service does.
      .on('error', () => undefined)
      .on('close', resolve);
    socket.write(encodeFrame('Q', question));
  });
  clearTimeout(late);
  return answer;
}
