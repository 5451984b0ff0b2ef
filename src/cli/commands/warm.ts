import { setTimeout as delay } from 'node:timers/promises';
import { CompartError, usageError } from '../../shared/errors.js';
import { formatDuration, parseDuration } from '../../shared/units/duration.js';
import { startTool } from '../../host/exec.js';
import { ago } from '../format.js';
import type { Args } from '../parse.js';
import type { Lines, Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';
import { MOST_WAITING } from '../../kernel/pool.js';
import { MOST_STACKS } from '../../compartments/net/stack-pool.js';
import { AHEAD_FLAGS, STACK_FLAGS } from '../options.js';
import { ask } from '../warm/ask.js';
import type { GuestsQuestion, StacksQuestion } from '../warm/question.js';
import { Service, type ServiceStatus } from '../warm/service.js';
import { stackPool } from '../warm/stacks.js';

const IDLE = '15m';
const START_MS = 20_000;
const STOP_MS = 10_000;
const BETWEEN_MS = 10;
/**
 * While many are planned for at once V8 doubles the space for new objects up to twice 16 MiB, and gives none of it back. With
 * twice 2 the service stays a third smaller; a command costs it some tenths of a millisecond more at such a time.
 */
const NODE_FLAGS = ['--max-semi-space-size=2'];
/** setTimeout(3) of Node takes no more. */
const MOST_IDLE_MS = 2 ** 31 - 1;

export const handler: Handler = async (args, terminal, lines) => {
  const [what, other] = ['status', 'stop', 'foreground'].filter((flag) => args.on(flag));
  if (other !== undefined) throw usageError(`--${other}: not with --${what ?? ''}`, 'compart warm --help');
  const idleMs = idleOf(args);
  if (what === 'status') return showStatus(args, terminal);
  if (what === 'stop') return stop(args, terminal);
  if (what === 'foreground') return serve(terminal, lines, idleMs, aheadOf(args, terminal));
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

async function serve(
  { host, say }: Terminal,
  lines: Lines,
  idleMs: number,
  { guests, stacks }: AheadAsked,
): Promise<number> {
  const service = await Service.open(host, lines, idleMs);
  // It keeps no file system from being unmounted.
  process.chdir('/');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => service.close());
  process.on('SIGHUP', () => undefined);
  if (guests !== null) await service.keepGuests(guests);
  if (stacks !== null) await service.keepStacks(stacks);
  say(`planning for ${service.status().socket}`);
  await service.ended;
  return 0;
}

/** The service that runs, or one that is started, with the guests and stacks that were asked for. */
async function start(args: Args, terminal: Terminal): Promise<number> {
  const { guests, stacks } = aheadOf(args, terminal);
  const { host } = terminal;
  // What is wrong with it is said before anything is started.
  if (guests !== null) (await import('../warm/guests.js')).guestPool(host, guests);
  if (stacks !== null) stackPool(host, stacks);
  let status = (await ask(host, 'status')) ?? (await launched(args, terminal));
  for (const question of [guests, stacks])
    if (question !== null) status = (await ask(host, question)) ?? status;
  return show(args, terminal, status);
}

/** What a service is to have ready, null for what nothing was said of. */
interface AheadAsked {
  guests: GuestsQuestion | null;
  stacks: StacksQuestion | null;
}

/** @throws ERR_COMPART_USAGE for a wrong number, and for flags of guests without guests */
function aheadOf(args: Args, terminal: Terminal): AheadAsked {
  const stacks = stacksOf(args);
  // With stacks, they say of these how they are held.
  const others = stacks === null ? AHEAD_FLAGS : AHEAD_FLAGS.filter((flag) => !STACK_FLAGS.includes(flag));
  return { guests: guestsOf(args, terminal, others), stacks };
}

function stacksOf(args: Args): StacksQuestion | null {
  const text = args.text('stacks');
  if (text === null) return null;
  const stacks = countOf('stacks', text, MOST_STACKS);
  const given = STACK_FLAGS.flatMap((flag) => {
    const value = args.text(flag);
    return value === null ? [] : [[flag, value] as const];
  });
  return { stacks, limits: Object.fromEntries(given) };
}

function countOf(what: 'guests' | 'stacks', text: string, most: number): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw usageError(`--${what}: "${text}" is no number of ${what}`, `accepted: 0 to ${most}`);
}

function guestsOf(args: Args, { host }: Terminal, flags: readonly string[]): GuestsQuestion | null {
  const text = args.text('guests');
  const words = flags.flatMap((flag) =>
    args.on(flag) ? [`--${flag}`] : args.texts(flag).map((value) => `--${flag}=${value}`),
  );
  if (text === null) {
    const [first] = words;
    if (first === undefined) return null;
    throw usageError(
      `${first.replace(/=.*/s, '')}: of guests, and none are asked for`,
      'as in compart warm --guests 2 --mem 128M',
    );
  }
  return { guests: countOf('guests', text, MOST_WAITING), words, cwd: host.caller.cwd };
}

async function launched(args: Args, terminal: Terminal): Promise<ServiceStatus> {
  const { host, self, say } = terminal;
  // This verb is Node's alone (native/planner.c).
  const [node = '', ...words] = self;
  const idle = args.text('idle');
  const argv = [...NODE_FLAGS, ...words, 'warm', '--foreground', ...(idle === null ? [] : ['--idle', idle])];
  const pid = startTool(node, argv);
  for (const began = Date.now(); pid !== null && Date.now() - began < START_MS; await delay(BETWEEN_MS)) {
    const status = await ask(host, 'status');
    if (status !== null) return status;
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

const line = ({
  pid,
  socket,
  startedAt,
  running,
  planned,
  declined,
  guests,
  stacks,
}: ServiceStatus): string =>
  `pid ${pid} on ${socket} for ${ago(startedAt)}: ${planned} planned, ${running} now, ${declined} declined` +
  (guests === null ? '' : `, ${guests.waiting} of ${guests.size} guests wait`) +
  (stacks === null ? '' : `, ${stacks.waiting} of ${stacks.size} stacks wait`);
