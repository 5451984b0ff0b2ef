import type { Host } from '../../host/host.js';
import { Screen } from './screen.js';
import { keysIn } from './keys.js';
import { Session } from './session.js';
import { styleFor } from './style.js';
import type { View } from './view.js';

export interface WatchRequest {
  host: Host;
  view: View;
  /** Only these compartments; all if there is none. */
  names: ReadonlySet<string>;
  intervalMs: number;
  write: (text: string) => void;
}

/** Of a terminal that does not say. */
const COLUMNS = 80;
const LINES = 24;

/** Stops this process, and with Ctrl-Z all of its job as the terminal would; returns when it is continued. */
function stopSelf(screen: Screen, target: number, onStop: () => void): void {
  screen.close();
  process.off('SIGTSTP', onStop);
  process.kill(target, 'SIGTSTP');
  process.on('SIGTSTP', onStop);
  screen.open();
}

/** Shows the live view on the terminal until it is quit or sent a signal; the terminal is then as it was. */
export async function watch({ host, view, names, intervalMs, write }: WatchRequest): Promise<void> {
  const { stdin, stdout } = process;
  const screen = new Screen({ write, raw: (on) => void stdin.setRawMode(on) });
  const size = (): [number, number] => [stdout.columns || COLUMNS, stdout.rows || LINES];
  const onStop = (): void => stop(process.pid);
  const stop = (target: number): void => {
    stopSelf(screen, target, onStop);
    session.draw();
  };
  const style = styleFor(!process.env['NO_COLOR']);
  const suspend = (): void => stop(0);
  const session = new Session({ host, screen, size, style, intervalMs, view, names, suspend });
  const onRedraw = (): void => {
    screen.open();
    screen.spoiled();
    session.draw();
  };
  const onEnd = (): void => session.end();
  const onKeys = (text: string): void => keysIn(text).forEach((key) => session.pressed(key));
  const onExit = (): void => screen.close();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onEnd);
  process.on('SIGTSTP', onStop);
  process.on('SIGCONT', onRedraw);
  // Also where something is thrown: the process ends through here.
  process.on('exit', onExit);
  // Before it is reported: what is printed on the other screen goes with it.
  process.prependListener('uncaughtException', onExit);
  stdout.on('resize', onRedraw);
  stdin.setEncoding('utf8').on('data', onKeys).on('end', onEnd).on('error', onEnd);
  try {
    screen.open();
    await session.run();
  } finally {
    screen.close();
    stdin.pause();
  }
}
