import { History, type ExitRecord } from '../../state/history.js';
import type { MemoryStats } from '../../host/cgroup/driver.js';
import { formatSize } from '../../shared/units/size.js';
import { commandLine, orDash, table } from '../format.js';
import type { Handler } from '../verbs.js';

const HEADER = ['ENDED', 'NAME', 'VERDICT', 'STATUS', 'WALL', 'PEAK', 'COMMAND'];

function row(record: ExitRecord): string[] {
  return [
    record.endedAt.replace('T', ' ').slice(0, 19),
    record.name,
    record.verdict,
    record.signal ?? String(record.exitCode ?? '-'),
    `${(record.wallUs / 1e6).toFixed(2)}s`,
    orDash((record.stats['vm'] as MemoryStats | undefined)?.peakBytes, formatSize),
    commandLine(record.command, 40),
  ];
}

export const handler: Handler = (args, { host, out, json }) => {
  const records = new History(host.paths.state).list();
  if (args.on('json')) json(records);
  else out(table(HEADER, records.map(row)));
  return Promise.resolve(0);
};
