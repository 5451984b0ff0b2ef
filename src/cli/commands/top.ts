import { setTimeout as delay } from 'node:timers/promises';
import { usageError } from '../../shared/errors.js';
import { parseDuration } from '../../shared/units/duration.js';
import { CloseFleet } from '../../metrics/live/close.js';
import { LiveFleet } from '../../metrics/live/fleet.js';
import type { LiveMember } from '../../metrics/live/member.js';
import { openCompartment } from '../../compartments/compartment.js';
import type { Args } from '../parse.js';
import type { Terminal } from '../terminal.js';
import { passes } from '../top/filter.js';
import { NO_COMPARTMENTS, TO_START_ONE } from '../top/frame.js';
import { topJson } from '../top/json.js';
import { columnsFor, uncut } from '../top/layout.js';
import { tableText } from '../top/once.js';
import { columnNamed, sorted, type Order } from '../top/sort.js';
import { firstView } from '../top/view.js';
import { watch } from '../top/watch.js';
import type { Handler } from '../verbs.js';

const LEAST_MS = 100;
/** Between the two readings of `--once`: long enough for several periods of a CPU ceiling. */
const ONCE_MS = 500;
const PLAIN_COLUMNS = 80;

interface Choice {
  order: Order;
  filter: string;
  names: ReadonlySet<string>;
}

function intervalOf(args: Args): number | null {
  const text = args.text('interval');
  if (text === null) return null;
  const ms = parseDuration(text);
  if (ms < LEAST_MS) throw usageError(`--interval: "${text}" is too short`, 'accepted: 100ms and more');
  return ms;
}

function chosen(members: Iterable<LiveMember>, { order, filter, names }: Choice): LiveMember[] {
  const wanted = [...members].filter(
    ({ record }) => (names.size === 0 || names.has(record.name)) && passes(record, filter),
  );
  return sorted(wanted, order);
}

/** The table once, as wide as 80 columns and the names need, or as the terminal is. */
async function tableOnce({ host, out, say }: Terminal, choice: Choice, spanMs: number): Promise<void> {
  const fleet = new LiveFleet(host);
  await fleet.pass(null);
  await delay(spanMs);
  await fleet.pass(null);
  const rows = chosen(fleet.members.values(), choice);
  const longest = Math.max(0, ...rows.map(({ record }) => record.name.length));
  const columns = process.stdout.isTTY
    ? columnsFor(process.stdout.columns, longest)
    : uncut(columnsFor(PLAIN_COLUMNS, longest), longest);
  if (fleet.members.size === 0) say(`${NO_COMPARTMENTS} ${TO_START_ONE}`);
  out(tableText(rows, columns));
  for (const name of fleet.damaged) say(`${name}: its record cannot be read; compart ps says why`);
}

/** One array a line: one line, or one every interval until a signal. */
async function jsonLines(
  { host, out }: Terminal,
  choice: Choice,
  spanMs: number,
  once: boolean,
): Promise<void> {
  const fleet = new CloseFleet(host);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  await fleet.pass();
  for (
    let next = performance.now() + spanMs;
    ;
    next = Math.max(next + spanMs, performance.now() + LEAST_MS)
  ) {
    await delay(next - performance.now(), undefined, { signal: stop.signal }).catch(() => undefined);
    if (stop.signal.aborted) return;
    await fleet.pass();
    out(`${JSON.stringify(chosen(fleet.members.values(), choice).map(topJson))}\n`);
    if (once) return;
  }
}

export const handler: Handler = async (args, terminal) => {
  const intervalMs = intervalOf(args);
  const order = { column: columnNamed(args.text('sort')), reversed: false };
  const filter = args.text('filter') ?? '';
  const choice = { order, filter, names: new Set(args.words) };
  const once = args.on('once');
  const { isTTY } = process.stdout;
  if (!once && !args.on('json') && !(isTTY && process.stdin.isTTY))
    throw usageError(
      'top: this is no terminal',
      '--once prints the table once; --json prints a line every second',
    );
  for (const name of args.words) await openCompartment(terminal.host, name);
  if (args.on('json')) await jsonLines(terminal, choice, intervalMs ?? (once ? ONCE_MS : 1000), once);
  else if (once) await tableOnce(terminal, choice, intervalMs ?? ONCE_MS);
  else {
    const view = firstView(order, filter);
    const { host, out } = terminal;
    await watch({ host, view, names: choice.names, intervalMs: intervalMs ?? 1000, write: out });
  }
  return 0;
};
