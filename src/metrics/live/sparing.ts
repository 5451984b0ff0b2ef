import type { ReadGroup } from '../../host/cgroup/driver.js';
import { groupReader, type Group } from '../../host/cgroup/group.js';
import type { KernelReader } from '../../host/kernfs.js';

/** How long what seldom changes is good for. */
const GOOD_FOR_MS = 5000;

/** Of these nothing is shown. */
const NOT_SHOWN = new Set([
  'memory.max_usage_in_bytes',
  'memory.failcnt',
  'memory.peak',
  'cpuacct.usage_user',
  'cpuacct.usage_sys',
  'cpu.shares',
  'cpu.weight',
  'cpuset.cpus',
  'cpuset.cpus.effective',
  'pids.peak',
  'pids.max_usage',
  'pids.events',
  'blkio.throttle.io_serviced_recursive',
  'cgroup.stat.local',
]);

/** Limits, and what is long or counts what is rare. */
const SELDOM = new Set([
  'memory.limit_in_bytes',
  'memory.memsw.limit_in_bytes',
  'memory.soft_limit_in_bytes',
  'memory.oom_control',
  'memory.stat',
  'memory.max',
  'memory.high',
  'memory.swap.max',
  'memory.events',
  'cpu.cfs_quota_us',
  'cpu.cfs_period_us',
  'cpu.max',
  'pids.max',
]);

interface Kept {
  text: string | null;
  until: number;
}

/** Reads files of groups once a second: what changes, each time; limits, and what is not there, now and then. */
export class SparingReader {
  readonly #files: KernelReader;
  /** By the directory of identity, then by path. */
  readonly #kept = new Map<string, Map<string, Kept>>();

  constructor(files: KernelReader) {
    this.#files = files;
  }

  /** @param now monotonic, in milliseconds */
  of(group: Group, now: number): ReadGroup {
    return groupReader(group, this.fileReader(group, now));
  }

  /** The same by path. */
  fileReader(group: Group, now: number): (path: string) => string | null {
    // On a hybrid host the v1 controller has the same, and is read.
    const twin = group.dirs['cpuacct'] === undefined ? null : `${group.identity}/cpu.stat`;
    const doubled = group.dirs['cpu'] === group.identity ? null : twin;
    const kept = this.#kept.get(group.identity) ?? new Map<string, Kept>();
    this.#kept.set(group.identity, kept);
    return (path) => {
      const file = path.slice(path.lastIndexOf('/') + 1);
      if (NOT_SHOWN.has(file) || path === doubled) return null;
      const known = kept.get(path);
      if (known !== undefined && known.until > now) return known.text;
      const text = this.#files.read(path);
      // Not all at once the next time.
      if (text === null || SELDOM.has(file))
        kept.set(path, { text, until: now + GOOD_FOR_MS * (0.5 + Math.random()) });
      return text;
    };
  }

  /** What was kept of a group is not good any more. */
  forget(group: Group): void {
    this.#kept.delete(group.identity);
  }
}
