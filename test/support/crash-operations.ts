import { LEAVES } from './requires.js';

/** One thing that compart does to a compartment named victim, and how to get there. */
export interface Operation {
  what: string;
  args: string[];
  /** Besides what all need (test/support/requires.ts). */
  needs?: string[];
  /** Subsystems to load before; a process is attached then. */
  before: string[][];
  /** May it end done, as well as not begun? */
  lasts: boolean;
  /** Is there one whose compart was killed, to be swept? */
  crashed?: boolean;
  /** Is only the Node in it killed, and not the process that the caller started? */
  planner?: boolean;
}

export const LOAD_VM = ['load', 'vm', '--name', 'victim', '--mem', '32M'];
export const LOAD_PIDS = ['load', 'pids', '--name', 'victim', '--pids', '10'];
export const RUN = ['--name', 'victim', '--mem', '32M', '--pids', '10', '--'];
const SET = ['set', 'victim', '--mem', '64M', '--pids', '20'];
const BOTH = [LOAD_VM, LOAD_PIDS];

export const OPERATIONS: Operation[] = [
  { what: 'run', before: [], args: ['run', ...RUN, 'true'], lasts: false },
  { what: 'run, by its planner,', before: [], args: ['run', ...RUN, 'true'], lasts: false, planner: true },
  { what: 'run --strict', before: [], args: ['run', '--strict', ...RUN, 'true'], lasts: false },
  { what: 'run -d', before: [], args: ['run', '-d', ...RUN, 'sleep', '100'], lasts: true },
  { what: 'load of a new one', before: [], args: LOAD_VM, lasts: true },
  { what: 'load into one', before: [LOAD_VM], args: LOAD_PIDS, lasts: true },
  { what: 'unload of one of two', before: BOTH, args: ['unload', 'victim/pids'], lasts: true },
  { what: 'unload of both', before: BOTH, args: ['unload', 'victim'], lasts: true, needs: [LEAVES] },
  { what: 'set', before: BOTH, args: SET, lasts: true },
  { what: 'gc', before: [], crashed: true, args: ['gc'], lasts: false },
];
