import { existsSync } from 'node:fs';
import { afterEach, describe, expect } from '@jest/globals';
import { Escapees } from '../support/escapes.js';
import { hog, ownLines, runs, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import type { Inspection } from '../support/shapes.js';
import {
  drawnIn,
  groupsDrawn,
  inForce,
  membersOf,
  moveInto,
  propertiesOf,
  systemctl,
} from '../support/systemd.js';
import { DONE, verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const escapees = new Escapees(sandbox);
const { compart, inspect, history, detach, gone } = verbsIn(sandbox);
const scoped = requires('a scope of systemd', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

const pidOf = async (name: string): Promise<number> => (await inspect(name)).pid ?? 0;
const names = async (): Promise<string[]> =>
  (await sandbox.current.json<Inspection[]>(['ps'])).map(({ name }) => name);
const remove = async (...which: string[]): Promise<void> => {
  for (const name of which) expect(await compart('rm', '--force', name)).toEqual(DONE);
};

describe('the tools of systemd', () => {
  scoped('show each compartment under its own name with its processes', async () => {
    await detach('web', ['--mem', '64M'], 'sleep', '1001');
    await detach('db', ['--pids', '20'], 'sh', '-c', 'sleep 1002 & wait');
    await compart('load', 'vm', '--name', 'idle', '--mem', '64M');
    const web = await pidOf('web');
    const db = await until('the child of db', () => {
      const pids = membersOf(sandbox.current, 'db');
      return pids.length === 2 ? pids : null;
    });
    for (const text of [await systemctl('--full', 'status', 'compart.scope'), await groupsDrawn()]) {
      const drawn = drawnIn(text);
      expect([drawn.get('web'), drawn.get('db')]).toEqual([[web], db]);
      expect(text).toMatch(/\d+ sleep 1001$/m);
      expect(text).toMatch(/\d+ sh -c .*sleep 1002/m);
    }
    expect(await propertiesOf('ActiveState', 'Description', 'Delegate')).toEqual({
      ActiveState: 'active',
      Description: 'Compartments',
      Delegate: 'yes',
    });
    await remove('web', 'db', 'idle');
  });
});

describe('systemctl daemon-reload', () => {
  const seen = async (): Promise<unknown> => {
    const listed = await sandbox.current.json<Inspection[]>(['ps']);
    return {
      listed: listed.map(({ name, state, pid, subsystems }) => ({
        ...{ name, state, pid },
        limits: Object.entries(subsystems).map(([kind, { limits }]) => ({ kind, limits })),
      })),
      kernel: ['', 'run', 'cold', 'loaded'].map((name) => inForce(sandbox.current, name)),
    };
  };

  scoped('changes neither limits nor processes nor state, nor does daemon-reexec', async () => {
    await detach('run', ['--mem', '64M', '--cpu', '30%', '--pids', '20'], 'sleep', '1000');
    await detach('cold', ['--mem', '96M'], 'sleep', '1000');
    await compart('freeze', 'cold');
    await compart('load', 'vm', '--name', 'loaded', '--mem', '48M');
    await compart('load', 'pids', '--name', 'loaded', '--pids', '7');
    const before = await seen();
    expect(before).toMatchObject({
      listed: [
        { name: 'cold', state: 'frozen' },
        { name: 'loaded', state: 'created' },
        { name: 'run', state: 'running' },
      ],
    });
    for (const verb of ['daemon-reload', 'daemon-reload', 'daemon-reexec']) {
      await systemctl(verb);
      expect(await seen()).toEqual(before);
    }
    // What is in force holds, and everything can still be changed.
    expect((await compart('exec', 'run', '--', ...hog(100))).status).toBe(137);
    expect(await compart('set', 'run', '--mem', '160M')).toEqual(DONE);
    expect(await compart('exec', 'run', '--', ...hog(100))).toMatchObject({ status: 0, stdout: 'held\n' });
    expect(await compart('thaw', 'cold')).toEqual(DONE);
    expect(await compart('run', '--mem', '64M', '--', 'sh', '-c', 'exit 5')).toMatchObject({ status: 5 });
    await remove('run', 'cold', 'loaded');
  });

  scoped('in the middle of the start of a command does not come between', async () => {
    const ends = await Promise.all(
      [1, 2, 3].map(async (status) => {
        const [answer] = await Promise.all([
          compart('run', '--mem', '64M', '--pids', '20', '--', 'sh', '-c', `sleep 1; exit ${status}`),
          systemctl('daemon-reload'),
        ]);
        return answer;
      }),
    );
    expect(ends).toEqual([1, 2, 3].map((status) => ({ status, stdout: '', stderr: '' })));
  });
});

describe('systemctl stop compart.scope', () => {
  scoped(
    'ends what runs, as a kill does, takes what is loaded away, and the next start is as ever',
    async () => {
      await detach('web', ['--mem', '64M'], 'sleep', '1000');
      await compart('load', 'vm', '--name', 'loaded', '--mem', '64M');
      const web = await pidOf('web');
      await systemctl('stop', 'compart.scope');
      expect(runs(web)).toBe(false);
      await gone('web');
      expect(await names()).toEqual([]);
      expect((await history())[0]).toMatchObject({ name: 'web', signal: 'SIGTERM' });
      expect((await compart('exec', 'loaded', '--', 'true')).status).toBe(125);
      expect(await compart('run', '--mem', '64M', '--', 'sh', '-c', 'exit 5')).toMatchObject({ status: 5 });
    },
  );
});

describe('a command that asks the service manager to move it', () => {
  /** Shell: has itself put into a scope of its own, over D-Bus, and lives on there, out of reach of its limits. */
  const leave = (): string =>
    `${moveInto('away.scope')} && exec sleep ${escapees.mark}; echo kept > ${sandbox.current.dir}/kept`;

  afterEach(() => systemctl('stop', 'away.scope').catch(() => undefined));

  scoped('is marked as escaped', async () => {
    await detach('mover', ['--mem', '64M'], 'sh', '-c', leave());
    const [pid] = await until('its move', () => (escapees.marked().length === 1 ? escapees.marked() : null));
    expect(await escapees.of('mover')).toEqual([expect.objectContaining({ pid, left: ['unified'] })]);
    expect((await compart('ps')).stdout).toMatch(/^mover +compartment +\S+, 1 escaped /m);
    process.kill(pid ?? 0, 'SIGKILL');
    await gone('mover');
    expect(existsSync(`${sandbox.current.dir}/kept`)).toBe(false);
  });

  scoped('is killed under --strict', async () => {
    const { status, stderr } = await compart('run', '--strict', '--name', 'mover', '--', 'sh', '-c', leave());
    expect(status).toBe(137);
    expect(ownLines(stderr)).toEqual([
      'compart: mover: 1 process killed that had left the compartment (--strict): sleep',
    ]);
    expect(escapees.marked()).toEqual([]);
  });
});

describe('an out of memory in one compartment', () => {
  scoped('leaves the scope and the others alone', async () => {
    await detach('beside', ['--mem', '64M'], 'sleep', '1000');
    const pid = await pidOf('beside');
    expect((await compart('run', '--mem', '64M', '--', ...hog(100))).status).toBe(137);
    expect(await propertiesOf('ActiveState', 'Result')).toEqual({ ActiveState: 'active', Result: 'success' });
    expect(await pidOf('beside')).toBe(pid);
    await remove('beside');
  });
});
