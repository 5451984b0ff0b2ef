import { readdirSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { requires } from '../support/requires.js';
import { COMPART, groupsBelow, processesBelow, useSandbox, type Answer } from '../support/sandbox.js';
import type { Inspection } from '../support/shapes.js';

const sandbox = useSandbox();
const withLimits = requires('groups', 'cgroup-pids', 'prlimit');

/** From what a shell needs to more than Node opens before compart does anything. */
const COUNTS = [12, 14, 16, 17, 18, 19, 20, 21, 22, 24];

async function short(count: number, args: readonly string[]): Promise<Answer> {
  const words = [`--nofile=${count}`, COMPART, ...args];
  const options = { reject: false, stdin: 'ignore', env: sandbox.current.env } as const;
  const { exitCode, stdout, stderr } = await execa('prlimit', words, options);
  // Node ends itself by a signal where it has none for its own event loop.
  return { status: exitCode ?? 128, stdout, stderr };
}

const names = (): string[] => {
  try {
    return readdirSync(`${sandbox.current.state}/compartments`);
  } catch {
    return [];
  }
};

describe(`with ${COUNTS[0]} to ${COUNTS.at(-1)} descriptors`, () => {
  withLimits('a run gives its status 5 or fails, and leaves nothing', async () => {
    const statuses = new Set<number>();
    for (const count of COUNTS) {
      const { status } = await short(count, ['run', '--name', `n${count}`, '--', 'sh', '-c', 'exit 5']);
      statuses.add(status);
      expect(await sandbox.current.compart(['gc'])).toMatchObject({ status: 0, stderr: '' });
      expect({ count, groups: groupsBelow(sandbox.current.base), names: names() }).toEqual({
        count,
        groups: [],
        names: [],
      });
    }
    expect(statuses).toContain(5);
  });

  withLimits(
    'set changes the limit or leaves it, and gc and ps take nothing that lives for dead',
    async () => {
      const { current } = sandbox;
      await current.compart(['run', '-d', '--name', 'victim', '--pids', '10', '--', 'sleep', '1000']);
      const members = processesBelow(current.base);
      const statuses = new Set<boolean>();
      let limit = 10;
      for (const count of COUNTS) {
        const { status } = await short(count, ['set', 'victim', '--pids', String(limit + 1)]);
        statuses.add(status === 0);
        if (status === 0) limit += 1;
        for (const verb of ['gc', 'ps']) await short(count, [verb]);
        const { state, subsystems } = await current.json<Inspection>(['inspect', 'victim']);
        expect({ count, state, limit: subsystems.pids.limits['limit'] }).toEqual({
          count,
          state: 'running',
          limit,
        });
        expect(processesBelow(current.base)).toEqual(members);
      }
      expect(statuses).toEqual(new Set([false, true]));
      expect(await current.compart(['rm', '--force', 'victim'])).toMatchObject({ status: 0, stderr: '' });
    },
  );
});
