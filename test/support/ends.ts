import { foldHistory } from '../../src/state/fold.js';
import { History, type ExitRecord } from '../../src/state/history.js';

/** A run that used a second of CPU and was killed for memory once. */
export function ended(number: number, id = number.toString(16).padStart(32, '0')): ExitRecord {
  const at = new Date(1_700_000_000_000 + number * 1000).toISOString();
  const stats = {
    vm: { oomKills: 1, peakBytes: number },
    sched: { userUs: 1_000_000, systemUs: 0 },
    io: { readBytes: 10, writeBytes: 1 },
  };
  const how = { exitCode: null, signal: 'SIGKILL', verdict: 'oom', limitHit: 'vm' } as const;
  return {
    id,
    name: `run-${number}`,
    command: ['x'],
    labels: {},
    startedAt: at,
    endedAt: at,
    wallUs: 0,
    ...how,
    stats,
  };
}

/** In a process of its own: `fold STATE FILE...` or `add STATE FIRST COUNT`. */
const [mode, state = '', ...rest] = process.argv.slice(2);
if (mode === 'fold') foldHistory(state, rest);
if (mode === 'add') {
  const [first = 0, count = 0] = rest.map(Number);
  const history = new History(state);
  for (let number = first; number < first + count; number += 1) history.add(ended(number));
}
