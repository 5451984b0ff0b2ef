import type { Args } from './parse.js';
import { GUESTS } from './guests.js';
import { KERNELS } from './kernels.js';
import { OBSERVING } from './observing.js';
import { READYING } from './readying.js';
import { IDENTITY, LIMIT_FLAGS, SET_FLAGS, type Option } from './options.js';
import type { Lines, Terminal } from './terminal.js';

/**
 * A verb's handler: parses its words, makes one library call, prints; returns the exit status.
 * @param lines for a verb that runs the command lines of others
 */
export type Handler = (args: Args, terminal: Terminal, lines: Lines) => Promise<number>;

export interface Verb {
  usage: string;
  summary: string;
  flags: readonly string[];
  /** Those of them that mean something else here than in {@link OPTIONS}. */
  own?: Readonly<Record<string, Option>>;
  /** Everything from the first word on that is no flag belongs to the user's command. */
  takesCommand?: boolean;
  /** Fewest and most words. */
  words: readonly [number, number];
  /** For machines only; not in the help. */
  hidden?: boolean;
  examples: ReadonlyArray<readonly [string, string]>;
  load: () => Promise<{ handler: Handler }>;
}

const MANY = Number.MAX_SAFE_INTEGER;

export const VERBS: Readonly<Record<string, Verb>> = {
  run: {
    usage: 'run [flags] [--] CMD [ARG...]',
    summary: 'run a command in a compartment of its own',
    flags: [
      ...LIMIT_FLAGS,
      'name',
      'label',
      'timeout',
      ...IDENTITY,
      'detach',
      'keep',
      'file',
      'report',
      'best-effort',
      'strict',
      'json',
    ],
    takesCommand: true,
    words: [1, MANY],
    examples: [
      ['compart run --mem 512M --cpu 50% -- make -j4', 'a build held to half a CPU and 512 MiB, as a tree'],
      ['compart run -m 64M --pids 20 --timeout 10s -- python3 student.py', "somebody else's program"],
    ],
    load: () => import('./commands/run.js'),
  },
  ...GUESTS,
  load: {
    usage: 'load vm|sched|net|io|pids [flags]',
    summary: 'load one subsystem standing alone, with no process in it',
    flags: [...LIMIT_FLAGS, 'name', 'label', 'best-effort', 'strict', 'json'],
    words: [1, 1],
    examples: [
      ['compart load vm --name batch --mem 1G', 'a memory limit for processes to be attached'],
      ['compart load sched --name batch --cpu 150%', 'adds a CPU ceiling to it'],
    ],
    load: () => import('./commands/load.js'),
  },
  attach: {
    usage: 'attach NAME PID...',
    summary: 'move running processes, with threads and children, in',
    flags: ['json'],
    words: [2, MANY],
    examples: [
      ['compart attach batch 4711', 'process 4711 and all that descends from it'],
      ['compart attach batch $$', 'the shell you are in, and what it starts from now on'],
    ],
    load: () => import('./commands/attach.js'),
  },
  exec: {
    usage: 'exec [flags] NAME [--] CMD [ARG...]',
    summary: 'run a command in a compartment that exists',
    flags: [...IDENTITY],
    takesCommand: true,
    words: [2, MANY],
    examples: [
      ['compart exec batch -- ./job.sh', 'one more command under the same limits'],
      ['compart exec -u nobody batch -- id', 'as another user'],
    ],
    load: () => import('./commands/exec.js'),
  },
  unload: {
    usage: 'unload NAME[/KIND]',
    summary: "take a subsystem out; processes go back to the caller's groups",
    flags: ['json'],
    words: [1, 1],
    examples: [
      ['compart unload batch/sched', 'lifts the CPU ceiling, keeps the rest'],
      ['compart unload batch', 'all of it; the processes go on'],
    ],
    load: () => import('./commands/unload.js'),
  },
  set: {
    usage: 'set NAME [limit flags] [--mount HOST:GUEST[:ro]] [--unmount GUEST]',
    summary: 'change limits of what runs, at once; and what a guest is shown',
    flags: [...SET_FLAGS, 'mount', 'unmount', 'force', 'json'],
    words: [1, 1],
    examples: [
      ['compart set build --mem 1G --cpu 200%', 'more of both'],
      ['compart set vm --mount ./data:/data:ro', 'shows a guest one more folder of the host'],
    ],
    load: () => import('./commands/set.js'),
  },
  freeze: {
    usage: 'freeze NAME',
    summary: 'stop every process of a compartment where it is',
    flags: ['json'],
    words: [1, 1],
    examples: [
      ['compart freeze build', 'it uses no CPU until it is thawed'],
      ['compart freeze build && compart inspect build', 'state: frozen'],
    ],
    load: () => import('./commands/freeze.js'),
  },
  thaw: {
    usage: 'thaw NAME',
    summary: 'let a frozen compartment go on',
    flags: ['json'],
    words: [1, 1],
    examples: [
      ['compart thaw build', 'goes on where it was'],
      ['compart thaw build --json', 'says so to a program'],
    ],
    load: () => import('./commands/thaw.js'),
  },
  kill: {
    usage: 'kill NAME [--signal S]',
    summary: 'signal every process; none escapes by forking',
    flags: ['signal', 'json'],
    words: [1, 1],
    examples: [
      ['compart kill build', 'KILL, and wait until it is empty'],
      ['compart kill build --signal TERM', 'ask them first'],
    ],
    load: () => import('./commands/kill.js'),
  },
  rm: {
    usage: 'rm NAME... [--force]',
    summary: 'remove compartments',
    flags: ['force', 'json'],
    words: [1, MANY],
    examples: [
      ['compart rm batch', 'refuses while processes run in it'],
      ['compart rm --force batch build', 'kills them'],
    ],
    load: () => import('./commands/rm.js'),
  },
  gc: {
    usage: 'gc',
    summary: 'remove what a crash left behind; touches nothing alive',
    flags: ['json'],
    words: [0, 0],
    examples: [
      ['compart gc', 'says what it removed'],
      ['compart gc --json', 'for a cron job'],
    ],
    load: () => import('./commands/gc.js'),
  },
  ps: {
    usage: 'ps',
    summary: 'list compartments',
    flags: ['json'],
    words: [0, 0],
    examples: [
      ['compart ps', 'a table'],
      ['compart ps --json', 'an array, as inspect without spec'],
    ],
    load: () => import('./commands/ps.js'),
  },
  stats: {
    usage: 'stats [NAME...]',
    summary: 'what compartments use, subsystem by subsystem',
    flags: ['json'],
    words: [0, MANY],
    examples: [
      ['compart stats', 'all of them'],
      ['compart stats build --json', 'every counter of one'],
    ],
    load: () => import('./commands/stats.js'),
  },
  inspect: {
    usage: 'inspect NAME',
    summary: 'everything about one compartment, as JSON',
    flags: ['json'],
    words: [1, 1],
    examples: [
      ['compart inspect build', 'spec, limits in force, counters'],
      ['compart inspect build | grep state', 'created, running, frozen or exited'],
    ],
    load: () => import('./commands/inspect.js'),
  },
  history: {
    usage: 'history',
    summary: 'how the last 1,000 runs ended, and which limit decided',
    flags: ['json'],
    words: [0, 0],
    examples: [
      ['compart history', 'a table, the newest last'],
      ['compart history --json', 'the exit records'],
    ],
    load: () => import('./commands/history.js'),
  },
  events: {
    usage: 'events',
    summary: 'oom, throttle, limit change, escape and exit, as they happen',
    flags: ['json'],
    words: [0, 0],
    examples: [
      ['compart events', 'until Ctrl-C'],
      ['compart events --json', 'one JSON object a line'],
    ],
    load: () => import('./commands/events.js'),
  },
  logs: {
    usage: 'logs NAME [--follow]',
    summary: 'the output of a detached command, also after its end',
    flags: ['follow'],
    words: [1, 1],
    examples: [
      ['compart logs build', 'what it has printed so far'],
      ['compart logs build --follow', 'until it ends'],
    ],
    load: () => import('./commands/logs.js'),
  },
  up: {
    usage: 'up [--file FILE]',
    summary: 'start the compartments of a compart.yaml',
    flags: ['file', 'best-effort', 'json'],
    words: [0, 0],
    examples: [
      ['compart up', 'those of ./compart.yaml; what is up already stays'],
      ['compart up -f ci.yaml', 'another file'],
    ],
    load: () => import('./commands/up.js'),
  },
  down: {
    usage: 'down [--file FILE]',
    summary: 'end and remove the compartments of a compart.yaml',
    flags: ['file', 'json'],
    words: [0, 0],
    examples: [
      ['compart down', 'those of ./compart.yaml'],
      ['compart down -f ci.yaml', 'another file'],
    ],
    load: () => import('./commands/down.js'),
  },
  ...OBSERVING,
  ...KERNELS,
  ...READYING,
  completion: {
    usage: 'completion [bash|zsh]',
    summary: 'shell completion',
    flags: [],
    words: [0, 1],
    examples: [
      ['compart completion bash > /etc/bash_completion.d/compart', 'for everybody'],
      ['source <(compart completion zsh)', 'for this shell'],
    ],
    load: () => import('./commands/completion.js'),
  },
  'finish-run': {
    usage: 'finish-run NAME ID STATUS',
    summary: 'the monitor of a detached run calls this at its end',
    flags: [],
    words: [3, 3],
    hidden: true,
    examples: [],
    load: () => import('./commands/finish-run.js'),
  },
  'expire-run': {
    usage: 'expire-run NAME ID',
    summary: 'the monitor of a detached run calls this when --timeout ran out',
    flags: [],
    words: [2, 2],
    hidden: true,
    examples: [],
    load: () => import('./commands/expire-run.js'),
  },
  'guard-run': {
    usage: 'guard-run NAME ID',
    summary: 'kills what leaves a compartment with --strict, as long as that is there',
    flags: [],
    words: [2, 2],
    hidden: true,
    examples: [],
    load: () => import('./commands/guard-run.js'),
  },
};
