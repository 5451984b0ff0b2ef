import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** The machine in one line: without it a number says nothing. */
export function machine(): string {
  const osName = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  const list = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${osName}, kernel ${release()}, ${list.length} × ${list[0]?.model.trim() ?? 'CPU'}, ${gib} GiB, Node ${process.versions.node}`;
}
