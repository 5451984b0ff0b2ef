import type { Host } from '../host/host.js';
import { readKernelFile } from '../host/kernfs.js';
import { parseCpuList } from '../shared/units/cpulist.js';
import { makePrivateDir, replaceFile } from '../state/json.js';

/** Ticks that each CPU was not idle: `cpuN` of /proc/stat without idle and iowait (proc_stat(5)). Pure. */
export function busyTicks(stat: string): Map<number, number> {
  const lines = [...stat.matchAll(/^cpu(\d+) (.*)$/gm)];
  return new Map(
    lines.map(([, cpu, numbers = '']) => {
      const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = numbers
        .split(' ')
        .map(Number);
      return [Number(cpu), user + nice + system + irq + softirq + steal];
    }),
  );
}

/**
 * The least loaded of the CPUs, which a guest's kernel is pinned to: it has one CPU only, and system calls cost four
 * times as much where its processes are on several (docs/guests.md). Pure.
 * @param guests how many guests are pinned to each already
 * @param busy how much each has run lately, in any unit
 */
export function leastLoaded(
  cpus: readonly number[],
  guests: ReadonlyMap<number, number>,
  busy: ReadonlyMap<number, number>,
): number | null {
  const loads = cpus.map((cpu) => ({ cpu, guests: guests.get(cpu) ?? 0, busy: busy.get(cpu) ?? 0 }));
  return loads.sort((a, b) => a.guests - b.guests || a.busy - b.busy)[0]?.cpu ?? null;
}

/** The CPUs that the caller may run on. */
function allowedHere(host: Host): number[] {
  const status = readKernelFile(`${host.paths.proc}/${host.caller.pid}/status`) ?? '';
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return list === undefined ? host.cpus : parseCpuList(list);
}

/**
 * Ticks that each CPU has run since the last guest of this state folder was booted, or since the host was: two looks
 * within one boot are closer to each other than a tick is long.
 */
function busyLately(host: Host): Map<number, number> {
  const file = `${host.paths.state}/cpu`;
  const now = readKernelFile(`${host.paths.proc}/stat`) ?? '';
  const before = busyTicks(readKernelFile(file) ?? '');
  makePrivateDir(host.paths.state);
  replaceFile(file, now.replace(/^(?!cpu\d).*\n?/gm, ''), 0o600);
  return new Map(
    [...busyTicks(now)].map(([cpu, ticks]) => [cpu, ticks - Math.min(before.get(cpu) ?? 0, ticks)]),
  );
}

/**
 * The CPU that a guest is pinned to.
 * @param asked of `--cpus`, or null for those that the caller may run on
 * @param guests how many are pinned to each already
 * @throws ERR_COMPART_STATE
 */
export function chooseCpu(
  host: Host,
  asked: string | null,
  guests: ReadonlyMap<number, number>,
): number | null {
  const cpus = asked === null ? allowedHere(host) : parseCpuList(asked);
  return leastLoaded(cpus, guests, busyLately(host));
}
