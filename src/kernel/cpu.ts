import type { Host } from '../host/host.js';
import { readKernelFile } from '../host/kernfs.js';
import { parseCpuList } from '../shared/units/cpulist.js';

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

/** The CPUs that this process may run on. */
function allowedHere(host: Host): number[] {
  const status = readKernelFile(`${host.paths.proc}/self/status`) ?? '';
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return list === undefined ? host.cpus : parseCpuList(list);
}

/** How much each CPU has run, as a share of what it could since the last look, for {@link leastLoaded}. */
export class CpuWatch {
  readonly #host: Host;
  readonly #before: Map<number, number>;

  constructor(host: Host) {
    this.#host = host;
    this.#before = this.#read();
  }

  /** @param asked of `--cpus`, or null for those that this process may run on */
  choose(asked: string | null, guests: ReadonlyMap<number, number>): number | null {
    const now = this.#read();
    const busy = new Map([...now].map(([cpu, ticks]) => [cpu, ticks - (this.#before.get(cpu) ?? ticks)]));
    const cpus = asked === null ? allowedHere(this.#host) : parseCpuList(asked);
    return leastLoaded(cpus, guests, busy);
  }

  #read(): Map<number, number> {
    return busyTicks(readKernelFile(`${this.#host.paths.proc}/stat`) ?? '');
  }
}
