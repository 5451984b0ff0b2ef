import type { CpuWeight, FileWrite } from './driver.js';

/** Linux 5.15 is the first with cpu.idle. */
const FIRST_RELEASE = [5, 15] as const;

/** Does a kernel of this release (uname(2)) have idle groups? */
export function hasIdleGroups(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major > FIRST_RELEASE[0] || (major === FIRST_RELEASE[0] && minor >= FIRST_RELEASE[1]);
}

/** What makes a group idle, or gives it a weight again, which an idle one refuses (EINVAL). */
export function weightWrites(
  next: CpuWeight | null,
  now: CpuWeight | null,
  weighted: { file: string; value: string },
): FileWrite[] {
  const idle = (value: string): FileWrite => ({ controller: 'cpu', file: 'cpu.idle', value });
  if (next === 'idle') return [idle('1')];
  return [...(now === 'idle' ? [idle('0')] : []), { controller: 'cpu', ...weighted }];
}
