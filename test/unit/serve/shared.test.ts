import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Shared } from '../../../src/metrics/server/shared.js';

describe('work that several ask for', () => {
  it('runs once for all who ask before it begins, and once more for all who ask while it runs', async () => {
    let runs = 0;
    const shared = new Shared(async () => {
      runs += 1;
      const mine = runs;
      await delay(30);
      return mine;
    });
    const early = [shared.ask(), shared.ask()];
    await delay(10);
    const late = [shared.ask(), shared.ask()];
    expect(await Promise.all([...early, ...late])).toEqual([1, 1, 2, 2]);
    expect(await shared.ask()).toBe(3);
  });

  it('fails for those who asked, and runs again for the next', async () => {
    let runs = 0;
    const shared = new Shared(() => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('not now')) : Promise.resolve(runs);
    });
    await expect(shared.ask()).rejects.toThrow('not now');
    await expect(shared.ask()).resolves.toBe(2);
  });
});
