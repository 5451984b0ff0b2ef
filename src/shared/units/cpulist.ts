import { usageError } from '../errors.js';

export const CPULIST_ACCEPTED = '0-2,5 (cpuset syntax)';

/** More than any kernel's NR_CPUS; keeps `0-4000000000` from being expanded. */
const HIGHEST_CPU = 8191;

/**
 * Parses the kernel's list format (cpuset(7)).
 * @returns CPU numbers, ascending, without doubles, at least one
 * @throws ERR_COMPART_USAGE naming the text
 */
export function parseCpuList(text: string): number[] {
  const wrong = (): Error => usageError(`"${text}" is not a list of CPUs`, `accepted: ${CPULIST_ACCEPTED}`);
  const cpus = new Set<number>();
  for (const part of text.trim().split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    if (!match) throw wrong();
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first || last > HIGHEST_CPU) throw wrong();
    for (let cpu = first; cpu <= last; cpu += 1) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** `[0,1,2,5]` as `0-2,5`. */
export function formatCpuList(cpus: readonly number[]): string {
  const ranges: string[] = [];
  for (let i = 0; i < cpus.length;) {
    const first = cpus[i] ?? 0;
    let last = first;
    while (cpus[i + 1] === last + 1) {
      i += 1;
      last += 1;
    }
    ranges.push(first === last ? String(first) : `${first}-${last}`);
    i += 1;
  }
  return ranges.join(',');
}
