import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { startBusy } from '../support/busy.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import type { Stats } from '../support/shapes.js';

const sandbox = useSandbox();

describe('--cpu-weight idle', () => {
  requires(
    'groups',
    'cgroup-cpu',
    'cgroup-cpuset',
  )('an idle one leaves the CPU to what has a weight, takes it when it is free, and stays idle', async () => {
    const { current } = sandbox;
    await startBusy(current, 'spare', 'idle');
    const usedIn = async (ms: number): Promise<number> => {
      const used = async (): Promise<number> =>
        (await current.json<Stats[]>(['stats', 'spare']))[0]?.sched.usageUs ?? NaN;
      const before = await used();
      await delay(ms);
      return (await used()) - before;
    };
    const alone = await usedIn(1000);
    await startBusy(current, 'paid', '1');
    const beside = await usedIn(2000);
    const refused = [
      await current.compart(['set', 'spare', '--cpu-weight', '100']),
      await current.compart(['set', 'paid', '--cpu-weight', 'idle']),
    ];
    await current.compart(['set', 'spare', '--cpu', '50%']);
    const spare = await current.json<{ subsystems: { sched: { stats: object } } }>(['inspect', 'spare']);
    await current.compart(['rm', '--force', 'spare', 'paid']);
    expect(alone).toBeGreaterThan(20 * beside);
    expect(refused.map(({ status, stderr }) => [status, stderr.split('\n')[0]])).toEqual([
      [2, 'compart: --cpu-weight: what was made idle stays idle'],
      [2, 'compart: --cpu-weight: what runs with a weight cannot become idle'],
    ]);
    expect(spare.subsystems.sched.stats).toMatchObject({ weight: 'idle', limitCpus: 0.5 });
  });

  requires(
    'groups',
    'cgroup-cpu',
    'cgroup-pids',
  )(
    'is for the whole compartment and for life: a second step of load cannot ask for it, and unload does not take it off',
    async () => {
      const { current } = sandbox;
      const load = (name: string, kind: string, ...flags: string[]): ReturnType<typeof current.compart> =>
        current.compart(['load', kind, '--name', name, ...flags]);
      await load('late', 'pids', '--pids', '9');
      const asked = await load('late', 'sched', '--cpu-weight', 'idle');
      await load('early', 'sched', '--cpu-weight', 'idle');
      await load('early', 'pids', '--pids', '9');
      const taken = await current.compart(['unload', 'early/sched']);
      const whole = await current.compart(['unload', 'early']);
      await current.compart(['unload', 'late']);
      expect([asked.status, asked.stderr.split('\n')[0]]).toEqual([
        2,
        'compart: --cpu-weight: "late" stands among those that have a weight, and cannot become idle',
      ]);
      expect([taken.status, taken.stderr.split('\n')[0]]).toEqual([
        125,
        'compart: "early" was made idle, and is so for its whole life',
      ]);
      expect(whole.status).toBe(0);
    },
  );
});
