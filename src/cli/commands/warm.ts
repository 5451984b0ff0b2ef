import { setTimeout as delay } from 'node:timers/promises';
import { CompartError, usageError } from '../../shared/errors.js';
import { formatDuration, parseDuration } from '../../shared/units/duration.js';
import { startTool } from '../../host/exec.js';
import { ago } from '../format.js';
import type { Args } from '../parse.js';
import type { Lines, Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';
import { ask } from '../warm/ask.js';
import { Service, type ServiceStatus } from '../warm/service.js';

const IDLE = '15m';
const START_MS = 20_000;
const STOP_MS = 10_000;
const BETWEEN_MS = 10;
/** setTimeout(3) of Node takes no more. */
const MOST_IDLE_MS = 2 ** 31 - 1;

export const handler: Handler = async (args, terminal, lines) => {
  const [what, other] = ['status', 'stop', 'foreground'].filter((flag) => args.on(flag));
  if (other !== undefined) throw usageError(`--${other}: not with --${what ?? ''}`, 'compart warm --help');
  const idleMs = idleOf(args);
  if (what === 'status') return showStatus(args, terminal);
  if (what === 'stop') return stop(args, terminal);
  if (what === 'foreground') return serve(terminal, lines, idleMs);
  return start(args, terminal);
};

function idleOf(args: Args): number {
  const text = args.text('idle') ?? IDLE;
  try {
    const ms = parseDuration(text);
    if (ms <= MOST_IDLE_MS) return ms;
    throw new Error(`"${text}" is more than ${formatDuration(MOST_IDLE_MS)}`);
  } catch (error) {
    throw usageError(`--idle: ${(error as Error).message}`, 'accepted: 30s, 15m, 8h');
  }
}

async function serve({ host, say }: Terminal, lines: Lines, idleMs: number): Promise<number> {
  const service = await Service.open(host, lines, idleMs);
  // It keeps no file system from being unmounted.
  process.chdir('/');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => service.close());
  process.on('SIGHUP', () => undefined);
  say(`planning for ${service.status().socket}`);
  await service.ended;
  return 0;
}

async function start(args: Args, terminal: Terminal): Promise<number> {
  const { host, self, say } = terminal;
  const running = await ask(host, 'status');
  if (running !== null) return show(args, terminal, running);
  const [file = '', ...words] = self;
  const idle = args.text('idle');
  const argv = [...words, 'warm', '--foreground', ...(idle === null ? [] : ['--idle', idle])];
  const pid = startTool(file, argv);
  for (const began = Date.now(); pid !== null && Date.now() - began < START_MS; await delay(BETWEEN_MS)) {
    const status = await ask(host, 'status');
    if (status !== null) return show(args, terminal, status);
    if (!isThere(pid)) break;
  }
  say('compart warm --foreground says why');
  throw new CompartError('ERR_COMPART_LISTEN', 'the service did not start');
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function stop(args: Args, terminal: Terminal): Promise<number> {
  const { host } = terminal;
  const asked = await ask(host, 'stop');
  if (asked === null) return showStatus(args, terminal);
  for (const began = Date.now(); Date.now() - began < STOP_MS; await delay(BETWEEN_MS))
    if ((await ask(host, 'status')) === null) break;
  return show(args, terminal, asked);
}

async function showStatus(args: Args, terminal: Terminal): Promise<number> {
  const status = await ask(terminal.host, 'status');
  return show(args, terminal, status);
}

function show(args: Args, { out, json }: Terminal, status: ServiceStatus | null): number {
  if (args.on('json')) json(status);
  else out(status === null ? 'no service runs\n' : `${line(status)}\n`);
  return status === null ? 1 : 0;
}

const line = ({ pid, socket, startedAt, running, planned, declined }: ServiceStatus): string =>
  `pid ${pid} on ${socket} for ${ago(startedAt)}: ${planned} planned, ${running} now, ${declined} declined`;
