import { usageError } from '../errors.js';

export const CPU_ACCEPTED = '50%, 1.5, 250%, 500m or max';

const CPU = /^(\d+(?:\.\d+)?|\.\d+)(%|m)?$/;

/**
 * Parses a CPU ceiling: `50%` = `0.5` = `500m` of one CPU; `max` is null (unlimited).
 * @returns CPUs, as a number above 0
 * @throws ERR_COMPART_USAGE naming the text
 */
export function parseCpu(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === 'max') return null;
  const match = CPU.exec(trimmed);
  if (!match) throw usageError(`"${text}" is not a CPU share`, `accepted: ${CPU_ACCEPTED}`);
  const number = Number(match[1]);
  const cpus = match[2] === '%' ? number / 100 : match[2] === 'm' ? number / 1000 : number;
  if (!(cpus > 0)) throw usageError(`"${text}" leaves no CPU at all`, `accepted: ${CPU_ACCEPTED}`);
  if (!Number.isFinite(cpus))
    throw usageError(`"${text}" is too large a CPU share`, `accepted: ${CPU_ACCEPTED}`);
  return cpus;
}

/** `0.5` as `50%`, `2` as `200%`. */
export function formatCpu(cpus: number): string {
  return `${Number((cpus * 100).toFixed(2))}%`;
}
