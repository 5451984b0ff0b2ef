import { readdirSync } from 'node:fs';
import { readStat } from './stat.js';

/** All pids below `root`, children before grandchildren, as /proc shows them now. */
export function descendants(proc: string, root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync(proc)) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(proc, Number(name));
    if (stat === null) continue;
    const siblings = children.get(stat.parent);
    if (siblings) siblings.push(stat.pid);
    else children.set(stat.parent, [stat.pid]);
  }
  const found: number[] = [];
  for (let queue = [root]; queue.length > 0;) {
    const next = queue.flatMap((pid) => children.get(pid) ?? []);
    found.push(...next);
    queue = next;
  }
  return found;
}
