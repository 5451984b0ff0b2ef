import { expect, it } from '@jest/globals';
import { Backoff } from '../../../src/metrics/page/backoff.js';

it('each wait is twice the one before, up to 15 s, and from the start after a success', () => {
  const backoff = new Backoff();
  expect(Array.from({ length: 6 }, () => backoff.wait())).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
  backoff.reset();
  expect(backoff.wait()).toBe(1000);
});
