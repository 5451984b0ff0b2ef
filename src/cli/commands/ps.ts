import { formatCpu } from '../../shared/units/cpu.js';
import { formatBitRate } from '../../shared/units/rate.js';
import { formatSize } from '../../shared/units/size.js';
import { lookAtAll, lookForEscapes } from '../../compartments/escape.js';
import { glanceAt, type Glance } from '../../compartments/glance.js';
import { inspectCompartment, listCompartments } from '../../compartments/inspect.js';
import { aliveIn, type ProcessEntry } from '../../host/proc/table.js';
import type { Escape } from '../../state/escapes.js';
import { Store } from '../../state/store.js';
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

/** @param escaped how many processes have left it */
function row({ head, vm, sched, net, pids }: Glance, escaped: number): string[] {
  const since = Date.parse(head.startedAt ?? head.createdAt);
  return [
    head.name,
    head.kind,
    escaped === 0 ? head.state : `${head.state}, ${escaped} escaped`,
    orDash(head.pid),
    `${orDash(vm?.usageBytes, formatSize)}/${orDash(vm?.limitBytes, formatSize)}`,
    `${orDash(sched?.usageUs, (us) => percentOf(us, Date.now() - since))}/${orDash(sched?.limitCpus, formatCpu)}`,
    `${orDash(net?.rxLimitBps, formatBitRate)}/${orDash(net?.txLimitBps, formatBitRate)}`,
    `${orDash(pids?.current)}/${orDash(pids?.limit)}`,
    ago(since),
    commandLine(head.command, 40),
  ];
}

export const handler: Handler = async (args, { host, out, json, say }) => {
  // One look at all processes tells who is alive and who has left: none is read twice.
  const anything = new Store(host.paths.state).names().length > 0;
  const processes = anything ? await lookAtAll(host) : new Map<number, ProcessEntry>();
  const alive = aliveIn(host.paths.proc, processes);
  const { compartments, damaged } = await listCompartments(host, alive);
  const escapes = await lookForEscapes(host, compartments, compartments, processes);
  const escapedFrom = (id: string): Escape[] => escapes.get(id) ?? [];
  if (args.on('json')) {
    const items = compartments.map((each) => inspectCompartment(each, escapedFrom(each.record.id), alive));
    json(items.map(({ spec: _spec, ...rest }) => rest));
  } else {
    const rows = compartments.map((each) => row(glanceAt(each, alive), escapedFrom(each.record.id).length));
    out(table(HEADER, rows));
  }
  for (const { name, why } of damaged) say(`${name}: ${why}; compart rm --force ${name} removes it`);
  return 0;
};
