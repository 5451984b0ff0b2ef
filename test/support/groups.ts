import { readdirSync, readFileSync } from 'node:fs';
import { isHolder } from './place.js';

/** Mount points of all cgroup hierarchies. */
export function hierarchies(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
}

/** Where the groups of this base are, and those of its idle compartments, in all hierarchies. */
export const basesOf = (base: string): string[] =>
  hierarchies().flatMap((mount) => [mount + base, `${mount}${base}-idle`]);

/** Every directory below the base, in all hierarchies: what a compartment left behind. */
export function groupsBelow(base: string): string[] {
  const found: string[] = [];
  const visit = (dir: string): void => {
    let names: string[];
    try {
      names = readdirSync(dir, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !isHolder(dir, entry.name))
        .map((entry) => entry.name);
    } catch {
      return;
    }
    for (const name of names) {
      found.push(`${dir}/${name}`);
      visit(`${dir}/${name}`);
    }
  };
  basesOf(base).forEach(visit);
  return found;
}

/** Pids of everything that runs below the base. */
export function processesBelow(base: string): number[] {
  return groupsBelow(base).flatMap((dir) => {
    try {
      return readFileSync(`${dir}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}
