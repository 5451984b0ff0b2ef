import { COMMIT, VERSION } from '../shared/version.js';
import { EXIT_REASONS } from '../state/usage.js';
import { rows, type Family } from './family.js';
import { STATES, type HostSnapshot, type Snapshot } from './snapshot.js';

/** A compartment, and the host that it is on. */
export type Seen = Snapshot & { host: Pick<HostSnapshot, 'hierarchy'>; userLabels: Record<string, string> };

const { one, split, info } = rows<Seen>('c');
const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);
const RECORD = 'record.json';

const exitCode = ({ record: { exitCode: code, endedAt } }: Seen): number | null =>
  endedAt === null ? null : code;

/** What a compartment is and what became of it. */
export const LIFE: ReadonlyArray<Family<Seen>> = [
  info({
    name: 'compart_info',
    level: 'core',
    help: 'Static facts of a compartment; value is always 1.',
    v2: RECORD,
    labels: ['id', 'kind', 'hierarchy', 'net', 'version'],
    facts: ({ record, net, host }) => ({
      id: record.id,
      kind: record.kind,
      hierarchy: host.hierarchy,
      net: net?.stack ?? 'host',
      version: VERSION,
    }),
  }),
  info(
    {
      name: 'compart_labels',
      level: 'core',
      help: 'Labels of the user, those that were asked for, at most 10; value is always 1.',
      v2: RECORD,
      labels: ['label_NAME'],
      facts: ({ userLabels }) => userLabels,
    },
    'gauge',
  ),
  split('gauge', {
    name: 'compart_state',
    level: 'core',
    help: 'Lifecycle state; 1 for the current state, 0 for the others.',
    v2: `${RECORD}, cgroup.events`,
    v1: `${RECORD}, cgroup.procs, freezer.state`,
    label: 'state',
    values: STATES,
    value: ({ state }, key) => Number(state === key),
  }),
  one('gauge', {
    name: 'compart_creation_time_seconds',
    level: 'core',
    help: 'Unix time at which the compartment was created.',
    v2: RECORD,
    value: ({ record }) => seconds(record.createdAt),
  }),
  one('gauge', {
    name: 'compart_start_time_seconds',
    level: 'core',
    help: 'Unix time at which the current or last run started.',
    v2: RECORD,
    value: ({ record }) => seconds(record.startedAt),
  }),
  one('gauge', {
    name: 'compart_last_exit_time_seconds',
    help: 'Unix time at which the last run ended.',
    v2: RECORD,
    value: ({ record }) => seconds(record.endedAt),
  }),
  one('gauge', {
    name: 'compart_last_exit_code',
    help: 'Exit code of the last run; 128 plus the signal number if a signal ended it.',
    v2: RECORD,
    value: exitCode,
  }),
  one('counter', {
    name: 'compart_starts_total',
    level: 'core',
    help: 'Runs started in the compartment.',
    v2: RECORD,
    value: ({ record }) => Number(record.startedAt !== null),
  }),
  split('counter', {
    name: 'compart_exits_total',
    help: 'Runs ended, by reason.',
    v2: 'history/',
    label: 'reason',
    values: EXIT_REASONS,
    value: ({ reason }, key) => Number(reason === key),
  }),
  one('gauge', {
    name: 'compart_frozen',
    level: 'core',
    live: true,
    help: '1 if the kernel reports every task of the compartment frozen.',
    v2: 'cgroup.events frozen',
    v1: 'the same in the twin; else freezer.state',
    value: ({ frozen }) => Number(frozen),
  }),
  one('counter', {
    name: 'compart_frozen_seconds_total',
    help: 'Time the compartment has spent frozen.',
    v2: 'cgroup.stat.local frozen_usec (Linux 6.18)',
    v1: 'the same in the twin; else none',
    value: ({ frozenUs }) => (frozenUs === null ? null : frozenUs / 1e6),
  }),
  one('gauge', {
    name: 'compart_escaped_processes',
    live: true,
    help: 'Processes of the compartment that are outside of its groups.',
    v2: '/proc/PID/stat, /proc/PID/cgroup',
    v1: 'the same, and /proc/PID/task/TID/cgroup',
    value: ({ escaped }) => escaped,
  }),
  one('counter', {
    name: 'compart_escapes_killed_total',
    help: 'Processes killed because they had left the compartment (--strict).',
    v2: 'escaped in the folder of the compartment',
    value: ({ escapesKilled }) => escapesKilled,
  }),
];

/** The build, whose facts are the same in every scrape. */
export const BUILD = { version: VERSION, commit: COMMIT, node: process.versions.node };
