import { watchEvents, type CompartmentEvent } from '../../compartments/events.js';
import { commandLine } from '../format.js';
import type { Handler } from '../verbs.js';

function text({ time, name, event, detail }: CompartmentEvent): string {
  const words = Object.entries(detail).map(
    ([key, value]) =>
      `${key}=${typeof value === 'string' ? commandLine([value], 40) : JSON.stringify(value)}`,
  );
  return `${time}  ${name}  ${event}  ${words.join(' ')}\n`;
}

export const handler: Handler = async (args, { host, out }) => {
  await host.ready();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  for await (const event of watchEvents(host, stop.signal)) {
    out(args.on('json') ? `${JSON.stringify(event)}\n` : text(event));
  }
  return 0;
};
