import { formatSize } from '../shared/units/size.js';
import type { GuestEnding } from '../state/guest.js';
import type { ExitRecord } from '../state/history.js';
import type { GuestRecord } from '../state/record.js';
import { count, moreMemory } from './verdict.js';

/** Endings of the kernel itself: whatever ran in it did not end on its own account. */
const FELL: Readonly<Partial<Record<GuestEnding['reason'], string>>> = {
  panic: "the guest's kernel panicked",
  crash: "the guest's kernel crashed",
  'boot-timeout': 'the guest did not come up in time',
  kernel: "the guest's kernel could not be started",
  protocol: 'the guest broke the rules of its link to the host',
};

/**
 * What a guest's own kernel decided: its OOM killer, or its fall. Null where the command ended by itself, as far as
 * the guest is concerned. Pure.
 */
export function decideGuest(ending: GuestEnding | null): Pick<ExitRecord, 'verdict' | 'limitHit'> | null {
  if (ending === null) return null;
  if (ending.oomKills > 0 || ending.reason === 'oom') return { verdict: 'oom', limitHit: 'vm' };
  return FELL[ending.reason] === undefined ? null : { verdict: 'failed', limitHit: null };
}

/** The line that says so, null where there is nothing to say. Pure. */
export function guestLine(
  name: string,
  { memoryBytes, swapBytes }: Pick<GuestRecord, 'memoryBytes' | 'swapBytes'>,
  ending: GuestEnding | null,
): string | null {
  const decided = decideGuest(ending);
  if (ending === null || decided === null) return null;
  const fell = FELL[ending.reason];
  if (decided.verdict === 'oom') {
    const room = `${formatSize(memoryBytes)} of RAM (--mem)${swapBytes > 0 ? ` and ${formatSize(swapBytes)} of swap` : ''}`;
    const killed = ending.oomKills === 0 ? '' : `${count(ending.oomKills, 'process')} killed, `;
    return `${name}: out of memory: ${killed}by the guest's own kernel in ${room}; try --mem ${moreMemory(memoryBytes)} or more --swap`;
  }
  return `${name}: ${fell ?? ''}${ending.detail === '' ? '' : `: ${ending.detail}`}`;
}
