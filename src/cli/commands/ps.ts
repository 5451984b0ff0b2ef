import { formatCpu } from '../../shared/units/cpu.js';
import { formatBitRate } from '../../shared/units/rate.js';
import { formatSize } from '../../shared/units/size.js';
import type { CpuStats, MemoryStats, PidsStats } from '../../host/cgroup/driver.js';
import { lookForEscapes } from '../../compartments/escape.js';
import { inspectCompartment, listCompartments, type Inspection } from '../../compartments/inspect.js';
import type { NetStats } from '../../compartments/net/record.js';
import { ago, commandLine, orDash, percentOf, table } from '../format.js';
import type { Handler } from '../verbs.js';

const HEADER = [
  'NAME',
  'KIND',
  'STATE',
  'PID',
  'MEM/LIMIT',
  'CPU%/LIMIT',
  'NET↓/↑',
  'PIDS',
  'UPTIME',
  'COMMAND',
];

function row(item: Inspection): string[] {
  const { vm, sched, net, pids } = item.subsystems as Record<string, { stats: unknown } | undefined>;
  const memory = vm?.stats as MemoryStats | undefined;
  const cpu = sched?.stats as CpuStats | undefined;
  const network = net?.stats as NetStats | undefined;
  const tasks = pids?.stats as PidsStats | undefined;
  const since = Date.parse(item.startedAt ?? item.createdAt);
  return [
    item.name,
    item.kind,
    item.escaped === undefined ? item.state : `${item.state}, ${item.escaped.length} escaped`,
    orDash(item.pid),
    `${orDash(memory?.usageBytes, formatSize)}/${orDash(memory?.limitBytes, formatSize)}`,
    `${orDash(cpu?.usageUs, (us) => percentOf(us, Date.now() - since))}/${orDash(cpu?.limitCpus, formatCpu)}`,
    `${orDash(network?.rxLimitBps, formatBitRate)}/${orDash(network?.txLimitBps, formatBitRate)}`,
    `${orDash(tasks?.current)}/${orDash(tasks?.limit)}`,
    ago(since),
    commandLine(item.command, 40),
  ];
}

export const handler: Handler = async (args, { host, out, json, say }) => {
  const { compartments, damaged } = await listCompartments(host);
  const escapes = await lookForEscapes(host, compartments);
  const items = compartments.map((each) => inspectCompartment(each, escapes.get(each.record.id)));
  if (args.on('json')) json(items.map(({ spec: _spec, ...rest }) => rest));
  else out(table(HEADER, items.map(row)));
  for (const { name, why } of damaged) say(`${name}: ${why}; compart rm --force ${name} removes it`);
  return 0;
};
