import { parseCpuList } from '../shared/units/cpulist.js';
import { rows, type Family, type Value } from './family.js';
import type { Seen } from './table-life.js';

const { one, split } = rows<Seen>('c');
/** Microseconds as seconds. */
const inSeconds = (us: Value): Value => (us === null || us === undefined ? us : us / 1e6);

const MODES = ['user', 'system'] as const;
const RESOURCES = ['cpu', 'io', 'memory'] as const;
type Resource = (typeof RESOURCES)[number];

const waited = ({ sched, io, vm }: Seen, resource: Resource): Value =>
  inSeconds({ cpu: sched?.pressureSomeUs, io: io?.pressureSomeUs, memory: vm?.pressureSomeUs }[resource]);
const stalled = ({ sched, io, vm }: Seen, resource: Resource): Value =>
  inSeconds({ cpu: sched?.pressureFullUs, io: io?.pressureFullUs, memory: vm?.pressureFullUs }[resource]);

const CPU: ReadonlyArray<Family<Seen>> = [
  split('counter', {
    name: 'compart_cpu_seconds_total',
    level: 'core',
    help: 'CPU time used.',
    v2: 'cpu.stat user_usec, system_usec',
    v1: 'cpu.stat of the twin; else cpuacct.usage_user, cpuacct.usage_sys',
    label: 'mode',
    values: MODES,
    value: ({ sched }, mode) => inSeconds(mode === 'user' ? sched?.userUs : sched?.systemUs),
  }),
  one('gauge', {
    name: 'compart_cpu_limit_cores',
    level: 'core',
    help: 'CPU quota divided by its period; +Inf if unlimited.',
    v2: 'cpu.max',
    v1: 'cpu.cfs_quota_us, cpu.cfs_period_us',
    value: ({ sched }) => sched?.ceilingCpus,
  }),
  one('gauge', {
    name: 'compart_cpu_period_seconds',
    help: 'CPU quota enforcement period.',
    v2: 'cpu.max',
    v1: 'cpu.cfs_period_us',
    value: ({ sched }) => inSeconds(sched?.periodUs),
  }),
  one('gauge', {
    name: 'compart_cpu_weight',
    help: 'CPU weight, from 1 to 10000; 100 is the default, 0 is idle.',
    v2: 'cpu.weight',
    v1: 'cpu.shares, in proportion (1024 is 100)',
    value: ({ sched }) => (sched?.weight === 'idle' ? 0 : sched?.weight),
  }),
  one('gauge', {
    name: 'compart_cpu_allowed_cores',
    help: 'CPUs the compartment may run on.',
    v2: 'cpuset.cpus, else cpuset.cpus.effective',
    v1: 'cpuset.cpus',
    value: ({ sched }) => (sched?.cpus ? parseCpuList(sched.cpus).length : null),
  }),
  one('counter', {
    name: 'compart_cpu_periods_total',
    level: 'core',
    help: 'Enforcement periods in which the compartment was runnable.',
    v2: 'cpu.stat nr_periods',
    value: ({ sched }) => sched?.periods,
  }),
  one('counter', {
    name: 'compart_cpu_throttled_periods_total',
    level: 'core',
    help: 'Enforcement periods in which the compartment was throttled.',
    v2: 'cpu.stat nr_throttled',
    value: ({ sched }) => sched?.throttledPeriods,
  }),
  one('counter', {
    name: 'compart_cpu_throttled_seconds_total',
    level: 'core',
    help: 'Time the compartment was throttled.',
    v2: 'cpu.stat throttled_usec',
    v1: 'cpu.stat throttled_time',
    value: ({ sched }) => inSeconds(sched?.throttledUs),
  }),
];

const PRESSURE: ReadonlyArray<Family<Seen>> = [
  split('counter', {
    name: 'compart_pressure_waiting_seconds_total',
    level: 'core',
    help: 'Time in which some tasks waited for the resource.',
    v2: 'cpu.pressure, io.pressure, memory.pressure: some total',
    v1: 'cpu.pressure of the twin; io and memory none',
    label: 'resource',
    values: RESOURCES,
    value: waited,
  }),
  split('counter', {
    name: 'compart_pressure_stalled_seconds_total',
    level: 'core',
    help: 'Time in which all non-idle tasks waited for the resource.',
    v2: 'the same: full total',
    label: 'resource',
    values: RESOURCES,
    value: stalled,
  }),
];

const PIDS: ReadonlyArray<Family<Seen>> = [
  one('gauge', {
    name: 'compart_pids',
    level: 'core',
    live: true,
    help: 'Tasks in the compartment.',
    v2: 'pids.current',
    value: ({ pids }) => pids?.current,
  }),
  one('gauge', {
    name: 'compart_pids_limit',
    level: 'core',
    help: 'Task limit; +Inf if unlimited.',
    v2: 'pids.max',
    value: ({ pids }) => pids?.ceiling,
  }),
  one('counter', {
    name: 'compart_pids_limit_hits_total',
    help: 'Forks refused because of the task limit.',
    v2: 'pids.events max',
    value: ({ pids }) => pids?.denied,
  }),
];

const OPERATIONS = ['read', 'write'] as const;

const IO: ReadonlyArray<Family<Seen>> = [
  split('counter', {
    name: 'compart_io_bytes_total',
    level: 'core',
    help: 'Bytes moved to and from block devices.',
    v2: 'io.stat rbytes, wbytes',
    v1: 'blkio.throttle.io_service_bytes_recursive',
    label: 'operation',
    values: OPERATIONS,
    value: ({ io }, operation) => (operation === 'read' ? io?.readBytes : io?.writeBytes),
  }),
  split('counter', {
    name: 'compart_io_operations_total',
    help: 'Block device operations.',
    v2: 'io.stat rios, wios',
    v1: 'blkio.throttle.io_serviced_recursive',
    label: 'operation',
    values: OPERATIONS,
    value: ({ io }, operation) => (operation === 'read' ? io?.readOps : io?.writeOps),
  }),
];

/** CPU, pressure, tasks and disks of a compartment. */
export const USE: ReadonlyArray<Family<Seen>> = [...CPU, ...PRESSURE, ...PIDS, ...IO];
