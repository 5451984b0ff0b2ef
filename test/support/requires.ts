import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { it } from '@jest/globals';
import { Host } from '../../src/host/host.js';
import { mayWrite } from '../../src/host/kernfs.js';
import { builtKernel, kernelRuns, lackOfCpu } from './kernels.js';
import { GIVEN_BASE, IS_V2, offersV2, ownGroup } from './place.js';

const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

/** For what puts a process back where it came from (docs/rootless.md). */
export const LEAVES = 'the right to go back to the group one came from';

/** For what holds Node to a fifth of a CPU for seconds: a guest, with its slow system calls, has not. */
export const QUICK_NODE = 'a CPU that starts Node in 0.2 s';

/** For what hands a subtree to an ordinary user, which under systemd on v2 only systemd does. */
export const HANDS_OVER = 'groups that root may hand over';

/** CONFIG_TASK_IO_ACCOUNTING, which a guest's kernel has not. */
export const COUNTS_IO = 'a kernel that counts what a process reads and writes';

/** What a test may need of the machine, and how to see whether it is there. */
const NEEDS: Readonly<Record<string, () => boolean>> = {
  root: () => process.getuid?.() === 0,
  'an ordinary user': () => process.getuid?.() !== 0,
  // As root, or as an ordinary user to whom a part of the tree was handed over.
  groups: () => process.getuid?.() === 0 || GIVEN_BASE !== null,
  'groups outside of what systemd manages': () => GIVEN_BASE === null,
  'a scope of systemd': inScope,
  [HANDS_OVER]: () => process.getuid?.() === 0 && !(IS_V2 && existsSync('/run/systemd/system')),
  [LEAVES]: () => process.getuid?.() === 0 || mayGoBack(),
  'cgroup v2 alone': () => IS_V2,
  planner: () => existsSync('dist/bin/planner'),
  'cgroup-memory': () => offers('memory'),
  'cgroup-cpu': () => offers('cpu'),
  'cgroup-cpuset': () => offers('cpuset'),
  'cgroup-pids': () => offers('pids'),
  'cgroup-io': () => offers('blkio') || offers('io'),
  'user-namespaces': () => spawnSync('setpriv', [...NOBODY, 'unshare', '--user', 'true']).status === 0,
  'cgroup-twin': () => / - cgroup2 /.test(readFileSync('/proc/self/mountinfo', 'utf8')),
  swapon: () => existsSync('/usr/sbin/swapon') || existsSync('/sbin/swapon'),
  'two-cpus': () => readFileSync('/sys/devices/system/cpu/online', 'utf8').trim() !== '0',
  python3: () => onPath('python3'),
  tmux: () => onPath('tmux'),
  'cgroup-v1': () => / - cgroup /.test(readFileSync('/proc/self/mountinfo', 'utf8')),
  vim: () => onPath('vim') || onPath('vim.tiny'),
  less: () => onPath('less'),
  'built-kernel': () => builtKernel() !== null,
  uml: kernelRuns,
  [COUNTS_IO]: () => existsSync('/proc/self/io'),
  [QUICK_NODE]: startsQuickly,
  'mkfs.ext4': () => existsSync('/sbin/mkfs.ext4'),
};
export type Need = keyof typeof NEEDS;

/** What one system is and another is not, whatever one installs there: test/systems has some of each. */
const KINDS_OF_SYSTEM: readonly string[] = ['a scope of systemd', 'cgroup v2 alone', 'an ordinary user'];

/** The fastest of three, as others may run meanwhile. */
function startsQuickly(): boolean {
  return [1, 2, 3].some(() => {
    const began = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - began < 200;
  });
}

function inScope(): boolean {
  return GIVEN_BASE?.endsWith('/compart.scope') ?? false;
}

/** May this user write where its own process is, in every hierarchy in which compart has groups for it? */
function mayGoBack(): boolean {
  const { v1, v2 } = Host.current().layout;
  return [...v1.values(), ...(v2 === null ? [] : [v2])]
    .filter(({ mountPoint }) => ownGroup(mountPoint) !== null)
    .every(({ mountPoint, self }) => mayWrite(`${mountPoint}${self}/cgroup.procs`));
}

function offers(controller: string): boolean {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => ({ line, at: line.split(' ')[4] ?? '' }));
  const isV1 = ({ line }: { line: string }): boolean =>
    line.includes(' - cgroup ') && line.split(/[ ,]/).includes(controller);
  if (mounts.some((mount) => isV1(mount) && ownGroup(mount.at) !== null)) return true;
  const v2 = mounts.find(({ line }) => line.includes(' - cgroup2 '));
  return v2 !== undefined && offersV2(v2.at, controller);
}

/** The file of a program that PATH leads to, or null. */
export function pathOf(program: string): string | null {
  const found = (process.env['PATH'] ?? '').split(':').find((dir) => {
    try {
      accessSync(`${dir}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return found === undefined ? null : `${found}/${program}`;
}

export const onPath = (program: string): boolean => pathOf(program) !== null;

/** Is everything named there? */
export const canRun = (...needs: string[]): boolean => missingOf(needs).length === 0;

const missingOf = (needs: readonly string[]): string[] =>
  needs.filter((need) => !(NEEDS[need] ?? (() => onPath(need)))());

/**
 * `it` where everything named is there, else a skip that says what is missing. With COMPART_REQUIRE=all the
 * test runs and fails instead: a machine that should have it must, but for what its CPU cannot, and for another kind of system.
 */
export function requires(...needs: string[]): typeof it {
  const missing = missingOf(needs);
  if (missing.length === 0) return it;
  const cpu = missing.every((need) => need === 'uml') ? lackOfCpu() : null;
  process.stderr.write(`skipping tests: this machine lacks ${cpu ?? missing.join(', ')}\n`);
  const isOther = missing.some((need) => KINDS_OF_SYSTEM.includes(need));
  if (process.env['COMPART_REQUIRE'] !== 'all' || cpu !== null || isOther) return it.skip as typeof it;
  const failing = (name: string): void =>
    it(name, () => {
      throw new Error(`this machine lacks ${missing.join(', ')}, and COMPART_REQUIRE=all wants it`);
    });
  return Object.assign(failing, { each: () => failing }) as unknown as typeof it;
}
