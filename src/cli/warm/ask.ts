import { connect } from 'node:net';
import { CompartError, type ErrorCode } from '../../shared/errors.js';
import { encodeFrame, FrameReader } from '../../host/frame.js';
import type { Host } from '../../host/host.js';
import { socketPath } from './place.js';
import { encodeQuestion, type Question } from './question.js';
import type { Refusal, ServiceStatus } from './service.js';

const PATIENCE_MS = 3000;
/** A guest is booted in a tenth of a second, on a busy machine in a few. */
const PATIENCE_GUEST_MS = 30_000;
const MOST_BYTES = 64 * 1024;

/** A stack is made in a hundredth of a second, the first behind a firewall in more. */
const PATIENCE_STACK_MS = 3000;

function patienceFor(question: Question): number {
  if (typeof question === 'string') return PATIENCE_MS;
  const more =
    'guests' in question ? question.guests * PATIENCE_GUEST_MS : question.stacks * PATIENCE_STACK_MS;
  return PATIENCE_MS + more;
}

/**
 * Asks the service of this state folder.
 * @returns how it stands, or null where none answers
 * @throws CompartError as the service had it
 */
export async function ask(host: Host, question: Question): Promise<ServiceStatus | null> {
  const socket = connect(socketPath(host));
  const reader = new FrameReader(MOST_BYTES);
  const late = setTimeout(() => socket.destroy(), patienceFor(question));
  let answer: ServiceStatus | Refusal | null = null;
  await new Promise<void>((resolve) => {
    socket
      .on('data', (chunk) => {
        reader.push(chunk);
        const frame = reader.next();
        if (frame === null) return;
        if (frame.kind === 'J') answer = JSON.parse(frame.body.toString()) as ServiceStatus | Refusal;
        socket.destroy();
      })
      // Nobody listens, or nobody who says what a service does.
      .on('error', () => undefined)
      .on('close', resolve);
    socket.write(encodeFrame('Q', encodeQuestion(question)));
  });
  clearTimeout(late);
  return orRefused(answer);
}

function orRefused(answer: ServiceStatus | Refusal | null): ServiceStatus | null {
  if (answer === null || !('error' in answer)) return answer;
  const { code, message, hint } = answer.error;
  throw new CompartError(code as ErrorCode, message, hint === null ? {} : { hint });
}
