import type { GuestStages } from '../state/guest.js';

/** One stage of `compart boot`, and what it ends with. */
export interface Stage {
  name: string;
  until: string;
  /** Milliseconds; null where the stage was not reached, or not told of. */
  ms: number | null;
}

/** Moments of compart's own, in Unix milliseconds and parts of them. */
export interface Moments {
  beganMs: number;
  loadedMs: number;
  nowMs: number;
}

const NAMES: ReadonlyArray<readonly [keyof GuestStages, string, string]> = [
  ['spawnUs', 'sandbox', 'the kernel is executed'],
  ['kernelUs', 'kernel', 'its init begins'],
  ['initUs', 'init', 'it has its root, mounts and network'],
  ['helloUs', 'hello', 'it greets the keeper'],
  ['readyUs', 'ready', 'the command is started'],
  ['stopUs', 'command', 'it has ended'],
  ['endedUs', 'shutdown', 'the kernel has ended'],
];

/**
 * Where the time of a guest in the foreground went: consecutive spans, which add up to the whole. A stage that was not
 * reached has none, and its time is in the next that was. What the keeper tells is of a monotonic clock; it is set beside
 * compart's own by the time of day. Pure.
 */
export function stagesOf(guest: GuestStages | null, { beganMs, loadedMs, nowMs }: Moments): Stage[] {
  const keeperMs = (guest?.beganAtUs ?? loadedMs * 1000) / 1000;
  const moments: Array<readonly [string, string, number | null]> = [
    ['start', 'compart is loaded', loadedMs],
    ['plan', 'the keeper begins', guest === null ? null : keeperMs],
    ...NAMES.map(([key, name, until]): readonly [string, string, number | null] => {
      const us = guest?.[key] ?? null;
      return [name, until, us === null ? null : keeperMs + us / 1000];
    }),
    ['end', 'all is taken away', nowMs],
  ];
  let before = beganMs;
  return moments.map(([name, until, at]) => {
    const ms = at === null ? null : at - before;
    before = at ?? before;
    return { name, until, ms };
  });
}
