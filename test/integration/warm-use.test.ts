import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect } from '@jest/globals';
import { MIB } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import { residentBytes, startService, statusOf, stopService, ticksOf } from '../support/service.js';

// Before the sandbox is taken away: hooks run in this order.
afterEach(() => stopService(sandbox.current));
const sandbox = useSandbox();

requires('groups')(
  'compart warm uses less than 80 MiB and no CPU when nothing happens, after 1000 runs, 50 at a time',
  async () => {
    const service = await startService(sandbox.current);
    const caller = async (): Promise<void> => {
      for (let run = 0; run < 20; run += 1) await sandbox.current.compart(['run', '--', 'true']);
    };
    await Promise.all(Array.from({ length: 50 }, caller));
    expect(await statusOf(sandbox.current)).toMatchObject({ pid: service.pid, planned: 1000 });
    await delay(500);
    const before = ticksOf(service.pid);
    await delay(2000);
    expect(ticksOf(service.pid) - before).toBe(0);
    expect(residentBytes(service.pid)).toBeLessThan(80 * MIB);
  },
);
