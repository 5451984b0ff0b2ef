import { describe, expect, it } from '@jest/globals';
import { stagesOf } from '../../../src/kernel/trace.js';
import type { GuestStages } from '../../../src/state/guest.js';

const MOMENTS = { beganMs: 1000, loadedMs: 1010.5, nowMs: 1100 };
const WHOLE: GuestStages = {
  beganAtUs: 1_020_000,
  spawnUs: 2000,
  kernelUs: 32_000,
  initUs: 36_000,
  helloUs: 36_500,
  readyUs: 40_000,
  stopUs: 61_000,
  endedUs: 70_000,
};
const spans = (guest: GuestStages | null): Record<string, number | null> =>
  Object.fromEntries(
    stagesOf(guest, MOMENTS).map(({ name, ms }) => [name, ms === null ? null : Number(ms.toFixed(3))]),
  );

describe('the stages of a guest', () => {
  it('are spans of which each begins where the one before ended: 100 ms in ten', () => {
    expect(spans(WHOLE)).toEqual({
      start: 10.5,
      plan: 9.5,
      sandbox: 2,
      kernel: 30,
      init: 4,
      hello: 0.5,
      ready: 3.5,
      command: 21,
      shutdown: 9,
      end: 10,
    });
  });

  it.each([
    ['whose init never said hello', { ...WHOLE, helloUs: null, readyUs: null, stopUs: null }],
    ['whose kernel could not be started', null],
  ])('of one %s add up to the same 100 ms', (_what, guest) => {
    const all = Object.values(spans(guest)).reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
    expect(all).toBeCloseTo(100, 6);
  });

  it('name none that was not reached', () => {
    const { kernel, ready, command, shutdown } = spans({
      ...WHOLE,
      helloUs: null,
      readyUs: null,
      stopUs: null,
    });
    expect({ kernel, ready, command, shutdown }).toEqual({
      kernel: 30,
      ready: null,
      command: null,
      shutdown: 34,
    });
  });
});
