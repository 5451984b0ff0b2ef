import { formatSize } from '../../shared/units/size.js';
import type { CpuStats, IoStats, MemoryStats, PidsStats } from '../../host/cgroup/driver.js';
import type { NetStats } from '../../compartments/net/record.js';
import { openCompartment, type Compartment } from '../../compartments/compartment.js';
import { listCompartments } from '../../compartments/inspect.js';
import { readStats } from '../../compartments/readings.js';
import { orDash, table } from '../format.js';
import type { Handler } from '../verbs.js';

const HEADER = [
  'NAME',
  'MEM',
  'PEAK',
  'CACHE',
  'SWAP',
  'OOM',
  'CPU TIME',
  'THROTTLED',
  'READ',
  'WRITTEN',
  'RX',
  'TX',
  'PIDS',
  'DENIED',
];
const RIGHT = new Set(HEADER.slice(1));

const seconds = (us: number): string => `${(us / 1e6).toFixed(2)}s`;

function row(name: string, stats: Record<string, unknown>): string[] {
  const vm = stats['vm'] as MemoryStats | undefined;
  const sched = stats['sched'] as CpuStats | undefined;
  const io = stats['io'] as IoStats | undefined;
  const net = stats['net'] as NetStats | undefined;
  const pids = stats['pids'] as PidsStats | undefined;
  return [
    name,
    orDash(vm?.usageBytes, formatSize),
    orDash(vm?.peakBytes, formatSize),
    orDash(vm?.cacheBytes, formatSize),
    orDash(vm?.swapBytes, formatSize),
    orDash(vm?.oomKills),
    orDash(sched?.usageUs, seconds),
    orDash(sched?.throttledUs, seconds),
    orDash(io?.readBytes, formatSize),
    orDash(io?.writeBytes, formatSize),
    orDash(net?.rxBytes, formatSize),
    orDash(net?.txBytes, formatSize),
    orDash(pids?.current),
    orDash(pids?.denied),
  ];
}

export const handler: Handler = async (args, { host, out, json }) => {
  const named: Compartment[] = [];
  for (const name of args.words) named.push(await openCompartment(host, name));
  const compartments = args.words.length > 0 ? named : (await listCompartments(host)).compartments;
  const readings = compartments.map((compartment) => ({
    name: compartment.record.name,
    stats: readStats(compartment),
  }));
  if (args.on('json')) json(readings.map(({ name, stats }) => ({ name, ...stats })));
  else
    out(
      table(
        HEADER,
        readings.map(({ name, stats }) => row(name, stats)),
        RIGHT,
      ),
    );
  return 0;
};
