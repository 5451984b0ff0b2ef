import { describe, expect } from '@jest/globals';
import { asBoth, asRootOnly } from '../support/guest-callers.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();

interface Ended {
  verdict: string;
  limitHit: string | null;
  guest: { reason: string; tasksDenied: number };
  stats: { pids: { limit: number; peak: number; denied: number } };
}

/** Starts processes until it is told EAGAIN, says how many and why, and ends with 3. */
const BOMB = `
import os, sys, time
count = 0
try:
    while count < 2000:
        if os.fork() == 0:
            os.execvp('sleep', ['sleep', '60'])
        count += 1
except OSError as error:
    print(count, error.strerror, flush=True)
sys.exit(3)
`;

describe('--pids of a guest', () => {
  asBoth(
    sandbox,
    'of 60 lets a fork bomb have 59 children, refuses the next with EAGAIN, and says so; the host sees at most 32 tasks more',
    async ({ boot, compart }) => {
      const { status, stdout, stderr } = await boot(
        ['--mem', '256M', '--pids', '60', '--env', `CODE=${BOMB}`],
        'exec python3 -c "$CODE"',
      );
      expect({ status, stdout }).toEqual({ status: 3, stdout: '59 Resource temporarily unavailable\n' });
      expect(stderr).toMatch(
        /^compart: \S+: out of tasks: 1 fork refused by the guest's own kernel at the limit of 60 \(--pids\); try --pids 120\n$/,
      );
      const [last] = (JSON.parse((await compart(['history', '--json'])).stdout) as Ended[]).slice(-1);
      expect(last).toMatchObject({ verdict: 'pids', limitHit: 'pids', guest: { tasksDenied: 1 } });
      expect(last?.stats.pids).toMatchObject({ limit: 92, denied: 0 });
      expect(last?.stats.pids.peak).toBeLessThanOrEqual(92);
    },
    ['python3'],
  );

  asRootOnly(
    sandbox,
    'is reached by a bomb of a shell that never ends, and a command from outside still gets in, and ends it',
    async ({ detach, sh, compart }) => {
      await detach('vm', ['--pids', '40']);
      await sh('vm', 'bomb() { bomb 2> /dev/null & bomb 2> /dev/null & }; (bomb) > /dev/null 2>&1; true');
      expect(await sh('vm', 'read a < /sys/fs/cgroup/guest/pids.max; echo $a')).toBe('40');
      expect((await compart(['rm', '--force', 'vm'])).status).toBe(0);
    },
  );

  asRootOnly(sandbox, 'cannot be changed while it runs', async ({ detach, compart }) => {
    await detach('vm', ['--pids', '40']);
    const { status, stderr } = await compart(['set', 'vm', '--pids', '50']);
    expect(status).toBe(2);
    expect(stderr).toContain('--pids: the number of tasks of a guest that runs cannot be changed');
    await compart(['rm', '--force', 'vm']);
  });
});
