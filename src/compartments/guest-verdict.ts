import { formatSize } from '../shared/units/size.js';
import type { GuestEnding } from '../state/guest.js';
import type { ExitRecord } from '../state/history.js';
import type { GuestRecord } from '../state/record.js';
import { count, moreMemory } from './verdict.js';

/** Endings of the kernel itself: whatever ran in it did not end on its own account. */
const FALLS: ReadonlySet<GuestEnding['reason']> = new Set([
  'panic',
  'crash',
  'boot-timeout',
  'kernel',
  'protocol',
]);

/**
 * What a guest's own kernel decided: its OOM killer, its limit on tasks, or its fall. Null where the command ended by itself, as far as
 * the guest is concerned. Pure.
 */
export function decideGuest(ending: GuestEnding | null): Pick<ExitRecord, 'verdict' | 'limitHit'> | null {
  if (ending === null) return null;
  if (ending.oomKills > 0 || ending.reason === 'oom') return { verdict: 'oom', limitHit: 'vm' };
  if (ending.tasksDenied > 0) return { verdict: 'pids', limitHit: 'pids' };
  return FALLS.has(ending.reason) ? { verdict: 'failed', limitHit: null } : null;
}

/** The line that says so, null where there is nothing to say: of its kernel's fall the keeper has told. Pure. */
export function guestLine(
  name: string,
  guest: Pick<GuestRecord, 'memoryBytes' | 'swapBytes' | 'tasks'>,
  ending: GuestEnding | null,
): string | null {
  switch (decideGuest(ending)?.verdict) {
    case 'oom':
      return `${name}: ${memoryLine(guest, ending?.oomKills ?? 0)}`;
    case 'pids':
      return `${name}: ${tasksLine(guest.tasks ?? 0, ending?.tasksDenied ?? 0)}`;
    default:
      return null;
  }
}

function memoryLine(
  { memoryBytes, swapBytes }: Pick<GuestRecord, 'memoryBytes' | 'swapBytes'>,
  kills: number,
): string {
  const swap = swapBytes > 0 ? ` and ${formatSize(swapBytes)} of swap` : '';
  const killed = kills === 0 ? '' : `${count(kills, 'process')} killed `;
  return (
    `out of memory: ${killed}by the guest's own kernel in ${formatSize(memoryBytes)} of RAM (--mem)${swap}; ` +
    `try --mem ${moreMemory(memoryBytes)} or more --swap`
  );
}

const tasksLine = (tasks: number, refused: number): string =>
  `out of tasks: ${refused} fork${refused === 1 ? '' : 's'} refused by the guest's own kernel at the limit of ${tasks} ` +
  `(--pids); try --pids ${2 * tasks}`;
