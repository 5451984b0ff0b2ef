import { existsSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { hierarchies } from './groups.js';
import type { Sandbox } from './sandbox.js';

/** The service manager of whoever runs the tests: of the system, or the user's own. */
const MANAGER = process.getuid?.() === 0 ? [] : ['--user'];

/** What systemctl answers. @throws what it says, if it fails */
export const systemctl = async (...words: string[]): Promise<string> =>
  (await execa('systemctl', [...MANAGER, '--no-pager', ...words])).stdout;

/** Shell: asks the manager for a scope of this name with the calling shell in it. */
export const moveInto = (scope: string): string => {
  const manager = 'org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager';
  const call = `StartTransientUnit "ssa(sv)a(sa(sv))" ${scope} fail 1 PIDs au 1 $$ 0`;
  return `busctl ${MANAGER.join(' ')} --quiet call ${manager} ${call}`;
};

/** What the manager says of compart.scope, by property. */
export async function propertiesOf(...names: string[]): Promise<Record<string, string>> {
  const text = await systemctl('show', `--property=${names.join(',')}`, 'compart.scope');
  const pairs = text.split('\n').map((line) => line.split(/=(.*)/).slice(0, 2) as [string, string]);
  return Object.fromEntries(pairs);
}

/** The tree of the groups of compart.scope with the processes in them, as systemd-cgls draws it. */
export const groupsDrawn = async (): Promise<string> => {
  const unit = MANAGER.length === 0 ? '--unit' : '--user-unit';
  return (await execa('systemd-cgls', ['--no-pager', '--full', unit, 'compart.scope'])).stdout;
};

/** Of a tree that systemd draws: below each name of a group the pids of its processes. */
export function drawnIn(text: string): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  let pids: number[] = [];
  for (const line of text.split('\n')) {
    const [, word = ''] = /[├└]─\s*(\S+)/.exec(line) ?? [];
    if (/^\d+$/.test(word)) pids.push(Number(word));
    else if (word !== '') groups.set(word, (pids = []));
  }
  return groups;
}

/** What the kernel holds a compartment to, and the tasks that it holds, in every hierarchy that has the file. */
const FILES = [
  ...['memory.max', 'memory.high', 'memory.swap.max', 'memory.limit_in_bytes', 'cpu.max', 'cpu.weight'],
  ...['cpu.cfs_quota_us', 'cpu.cfs_period_us', 'cpu.shares', 'pids.max', 'io.max', 'cgroup.freeze'],
  ...['cgroup.controllers', 'cgroup.subtree_control', 'cgroup.procs'],
];

/** The text of those files of a group below the scope (`` is the scope itself), by path. */
export function inForce({ base }: Sandbox, name: string): Record<string, string> {
  const dirs = hierarchies().map((mount) => `${mount}${base}/${name}`);
  const texts = dirs.flatMap((dir) =>
    FILES.flatMap((file) => {
      try {
        return [[`${dir}/${file}`, readFileSync(`${dir}/${file}`, 'utf8')] as const];
      } catch {
        return [];
      }
    }),
  );
  return Object.fromEntries(texts);
}

/** The processes of a compartment in the hierarchy of v2, by which systemd knows its own, in order. */
export function membersOf({ base }: Sandbox, name: string): number[] {
  const [mount = ''] = hierarchies().filter((dir) => existsSync(`${dir}/cgroup.controllers`));
  const text = readFileSync(`${mount}${base}/${name}/cgroup.procs`, 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map(Number)
    .sort((a, b) => a - b);
}
