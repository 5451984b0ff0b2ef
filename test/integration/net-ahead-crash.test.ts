import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { numbersFrom } from '../support/crash.js';
import { withLentHost } from '../support/lent-host.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import { gone } from '../support/service.js';
import {
  full,
  json,
  keeping,
  links,
  RATE,
  runs,
  tell,
  untilTold,
  type Net,
  type Service,
} from '../support/stacks.js';

const sandbox = useSandbox();
const it = requires('root', 'ip', 'tc', 'nft', 'nsenter', 'unshare');
const KILLS = 25;

describe('the end of the service', () => {
  it('leaves one that was taken to the command', () =>
    withLentHost(sandbox.current, async (host) => {
      const { pid } = await json<Service>(host, ...keeping(2));
      const run = host.compart('run', '--name', 'web', ...RATE, '--', ...untilTold(sandbox.current));
      await runs(host, 'web');
      expect(await host.compart('warm', '--stop')).toMatchObject({ status: 0 });
      await until('the others are gone', async () => (await links(host)).size === 1);
      expect((await json<Net>(host, 'inspect', 'web')).subsystems.net).toMatchObject({ enforced: true });
      expect(await json(host, 'gc')).toMatchObject({ removed: [] });
      tell(sandbox.current);
      expect(await run).toMatchObject({ status: 0, stderr: '' });
      await gone(pid);
    }));

  it('by SIGKILL leaves what gc takes away, those that were taken too', () =>
    withLentHost(sandbox.current, async (host) => {
      const untouched = await host.state();
      const { pid } = await json<Service>(host, ...keeping(3));
      const run = host.compart('run', '--name', 'web', ...RATE, '--', 'sleep', '600');
      await runs(host, 'web');
      await full(host, 3);
      process.kill(pid, 'SIGKILL');
      expect(await run).toMatchObject({ status: 125 });
      expect((await links(host)).size).toBe(4);
      const { removed } = await json<{ removed: string[] }>(host, 'gc');
      expect(removed.sort()).toEqual(['waiting stack', 'waiting stack', 'waiting stack', 'web']);
      await until('the host is as it was', async () => {
        return JSON.stringify(await host.state()) === JSON.stringify(untouched);
      });
    }));

  it(
    `by SIGKILL at ${KILLS} random moments leaves nothing that gc does not take away`,
    () =>
      withLentHost(sandbox.current, async (host) => {
        const untouched = await host.state();
        const seed = Date.now() % 2 ** 32;
        const random = numbersFrom(seed);
        for (let kill = 0; kill < KILLS; kill += 1) {
          const { pid } = await json<Service>(host, ...keeping(2));
          // Until after those that were taken are replaced.
          const afterMs = random() * 250;
          const commands = [0, 1, 2].map(() => host.compart('run', ...RATE, '--', 'true'));
          await delay(afterMs);
          process.kill(pid, 'SIGKILL');
          await Promise.all(commands);
          await gone(pid);
          let now: Record<string, string> = {};
          await until('the host is as it was', async () => {
            expect(await host.compart('gc')).toMatchObject({ status: 0, stderr: '' });
            now = await host.state();
            return JSON.stringify(now) === JSON.stringify(untouched);
          }).catch(() => {
            const what = `seed ${seed}, kill ${kill}, after ${afterMs.toFixed(1)} ms`;
            expect({ what, ...now }).toEqual({ what, ...untouched });
          });
          expect(await json(host, 'ps')).toEqual([]);
        }
      }),
    300_000,
  );
});
