import { CompartError } from '../../shared/errors.js';
import { formatSize } from '../../shared/units/size.js';
import type { MemoryLimits, ReadGroup } from '../../host/cgroup/driver.js';
import type { Group } from '../../host/cgroup/group.js';
import { numberIn } from '../../host/cgroup/parse.js';
import { kernelErrno, writeKernelFile } from '../../host/kernfs.js';

function refused(used: number | null, now: MemoryLimits, next: MemoryLimits, cause?: unknown): CompartError {
  const kept = now.limitBytes === null ? 'unlimited' : formatSize(now.limitBytes);
  const message =
    `cannot lower --mem to ${formatSize(next.limitBytes ?? 0)}: ` +
    `${used === null ? 'memory' : formatSize(used)} is in use and cannot be reclaimed; the limit stays ${kept}`;
  return new CompartError('ERR_COMPART_BUSY', message, {
    cause,
    hint: 'end some of its processes first, or give it --swap',
  });
}

/**
 * On v2 a memory.max below usage kills at once, so memory is reclaimed first (memory.reclaim, Linux 5.19) and
 * the limit is left alone if that is not enough. v1 reclaims by itself and answers EBUSY.
 * @throws ERR_COMPART_BUSY
 */
export function reclaimFirst(group: Group, read: ReadGroup, now: MemoryLimits, next: MemoryLimits): void {
  if (next.limitBytes === null || next.limitBytes >= (now.limitBytes ?? Infinity)) return;
  const usage = (): number | null => numberIn(read('memory', 'memory.current'));
  const before = usage();
  if (before === null || before <= next.limitBytes) return;
  try {
    writeKernelFile(`${group.dirs['memory'] ?? ''}/memory.reclaim`, String(before - next.limitBytes));
  } catch {
    // EAGAIN: less than asked was reclaimed; an older kernel has no such file. What counts is the usage now.
  }
  const after = usage() ?? 0;
  if (after > next.limitBytes) throw refused(after, now, next);
}

/** v1 answers EBUSY (limit_in_bytes) or, for memsw, EBUSY or EINVAL. */
export function explainRefusedLimit(
  error: CompartError,
  read: ReadGroup,
  now: MemoryLimits,
  next: MemoryLimits,
): CompartError {
  if (kernelErrno(error) !== 'EBUSY') return error;
  return refused(numberIn(read('memory', 'memory.usage_in_bytes')), now, next, error.cause);
}
