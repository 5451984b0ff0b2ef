import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { dirsOf } from '../support/crash.js';
import { ownGroup } from '../support/place.js';
import { runs } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { groupsBelow, hierarchies, useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer, Inspection } from '../support/shapes.js';

const sandbox = useSandbox();
const confined = requires('groups', 'cgroup-memory', 'cgroup-pids');

const compart = (...args: string[]): Promise<Answer> => sandbox.current.compart(args);
const folder = (name: string): string => `${sandbox.current.state}/compartments/${name}`;
const record = (name: string): string => `${folder(name)}/record.json`;
const errorOf = ({ stderr }: Answer): ErrorAnswer['error'] => (JSON.parse(stderr) as ErrorAnswer).error;

/** Starts a detached `sleep` and returns its pid. */
async function detached(name: string): Promise<number> {
  const { stdout } = await compart('run', '-d', '--json', '--name', name, '--', 'sleep', '1000');
  return (JSON.parse(stdout) as { pid: number }).pid;
}

const names = async (): Promise<string[]> =>
  (await sandbox.current.json<Inspection[]>(['ps'])).map(({ name }) => name);

/** How a record can be damaged while its command runs. */
const DAMAGES: Array<[string, (name: string) => void]> = [
  ['cut in half', (name) => truncateSync(record(name), Math.floor(statSync(record(name)).size / 2))],
  ['empty', (name) => truncateSync(record(name), 0)],
  ['missing', (name) => rmSync(record(name))],
  [
    'of a later version',
    (name) =>
      writeFileSync(record(name), readFileSync(record(name), 'utf8').replace('"schema":1', '"schema":9')),
  ],
];

describe('a record that is damaged', () => {
  confined.each(DAMAGES)(
    '%s: ps lists the others and names it, run refuses the name, gc leaves it alone, rm --force ends it',
    async (_what, damage) => {
      const pid = await detached('hurt');
      const well = await detached('well');
      damage('hurt');

      const listed = await compart('ps', '--json');
      expect((JSON.parse(listed.stdout) as Inspection[]).map(({ name }) => name)).toEqual(['well']);
      expect(listed.stderr).toMatch(/^compart: hurt: .*; compart rm --force hurt removes it\n$/);

      const taken = await compart('run', '--json', '--name', 'hurt', '--', 'true');
      expect(taken.status).toBe(125);
      expect(errorOf(taken)).toMatchObject({
        code: expect.stringMatching(/^ERR_COMPART_(STATE|EXISTS)$/) as unknown,
        hint: expect.stringContaining('compart rm --force hurt') as unknown,
      });

      const swept = await compart('gc');
      expect({ status: swept.status, stdout: swept.stdout }).toEqual({ status: 0, stdout: '' });
      expect(swept.stderr).toMatch(
        /^compart: hurt was left alone: .*; compart rm --force hurt removes it\n$/,
      );
      expect([pid, well].filter(runs)).toEqual([pid, well]);

      expect(await compart('rm', '--force', 'hurt')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect({
        pid: runs(pid),
        well: runs(well),
        dirs: dirsOf(sandbox.current, 'hurt'),
        folder: existsSync(folder('hurt')),
      }).toEqual({ pid: false, well: true, dirs: [], folder: false });
      expect((await compart('rm', '--force', 'well')).status).toBe(0);
    },
  );

  confined.each(DAMAGES.slice(0, 3))(
    '%s, and nothing runs there: gc removes it with its groups',
    async (_what, damage) => {
      await compart('load', 'pids', '--name', 'hurt');
      damage('hurt');
      expect(await compart('gc')).toEqual({ status: 0, stdout: 'hurt\n', stderr: '' });
      expect({ dirs: dirsOf(sandbox.current, 'hurt'), folder: existsSync(folder('hurt')) }).toEqual({
        dirs: [],
        folder: false,
      });
    },
  );

  confined(
    'of a later version, and nothing runs there: gc leaves it to that version, rm --force removes it',
    async () => {
      await compart('load', 'pids', '--name', 'hurt');
      DAMAGES[3]?.[1]('hurt');
      const swept = await compart('gc');
      expect({ status: swept.status, stdout: swept.stdout }).toEqual({ status: 0, stdout: '' });
      expect(swept.stderr).toMatch(/^compart: hurt was left alone: /);
      expect(dirsOf(sandbox.current, 'hurt').length).toBeGreaterThan(0);
      expect(await compart('rm', '--force', 'hurt')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(dirsOf(sandbox.current, 'hurt')).toEqual([]);
    },
  );
});

describe('a state folder with things in it that are not its own', () => {
  confined('an empty folder is a free name, and gc removes it', async () => {
    mkdirSync(folder('hollow'), { recursive: true });
    expect(await compart('run', '--name', 'hollow', '--', 'sh', '-c', 'exit 5')).toEqual({
      status: 5,
      stdout: '',
      stderr: '',
    });
    mkdirSync(folder('hollow'));
    expect(await compart('ps', '--json')).toMatchObject({ status: 0, stdout: '[]\n' });
    expect((await compart('gc')).status).toBe(0);
    expect(existsSync(folder('hollow'))).toBe(false);
  });

  confined('6 kinds of garbage stop neither ps, run nor gc, and hide no compartment', async () => {
    await detached('well');
    mkdirSync(folder('UPPER case'));
    writeFileSync(`${folder('UPPER case')}/noise`, 'noise');
    mkdirSync(folder('.new-garbage'));
    mkdirSync(folder('.hidden'));
    writeFileSync(folder('file'), 'noise');
    symlinkSync('/nowhere', folder('link'));
    writeFileSync(`${sandbox.current.state}/noise`, 'noise');
    expect(await names()).toEqual(['well']);
    expect(await compart('run', '--', 'sh', '-c', 'exit 5')).toEqual({ status: 5, stdout: '', stderr: '' });
    expect((await compart('gc')).status).toBe(0);
    expect(await names()).toEqual(['well']);
    expect((await compart('rm', '--force', 'well')).status).toBe(0);
    for (const entry of ['UPPER case', '.new-garbage', '.hidden', 'file', 'link'])
      rmSync(folder(entry), { recursive: true, force: true });
  });

  confined(
    'a file where the folder of the compartment is to be: run works, or says so with a code, and nothing else is left',
    async () => {
      mkdirSync(folder(''), { recursive: true });
      writeFileSync(folder('file'), 'noise');
      const answer = await compart('run', '--json', '--name', 'file', '--', 'sh', '-c', 'exit 5');
      expect([5, 125]).toContain(answer.status);
      if (answer.status === 125) expect(errorOf(answer).code).toMatch(/^ERR_COMPART_(STATE|EXISTS)$/);
      rmSync(folder('file'), { force: true });
      expect(readdirSync(folder(''))).toEqual([]);
    },
  );

  const SPOILT: Array<[what: string, test: typeof confined, spoil: (state: string) => void]> = [
    [
      "another user's",
      requires('root', 'cgroup-memory', 'cgroup-pids'),
      (state) => chownSync(state, 65534, 65534),
    ],
    ['writable by its group', confined, (state) => chmodSync(state, 0o770)],
    ['writable by everybody', confined, (state) => chmodSync(state, 0o777)],
  ];
  for (const [what, test, spoil] of SPOILT)
    test(`a state folder that is ${what} is trusted by no verb: run, ps, gc, rm, load, inspect`, async () => {
      const { state } = sandbox.current;
      const pid = await detached('mine');
      const { uid, gid } = statSync(state);
      spoil(state);
      const refused = [
        ['run', '--json', '--', 'true'],
        ['ps', '--json'],
        ['gc', '--json'],
        ['rm', '--json', '--force', 'mine'],
        ['load', 'vm', '--json'],
        ['inspect', '--json', 'mine'],
      ];
      for (const args of refused) {
        const answer = await compart(...args);
        expect({ args, status: answer.status, stdout: answer.stdout }).toEqual({
          args,
          status: 125,
          stdout: '',
        });
        expect(errorOf(answer)).toMatchObject({
          code: 'ERR_COMPART_STATE',
          message: expect.stringMatching(/belongs to uid \d+ or is writable by others$/) as unknown,
        });
      }
      expect(runs(pid)).toBe(true);
      chownSync(state, uid, gid);
      chmodSync(state, 0o700);
      expect((await compart('rm', '--force', 'mine')).status).toBe(0);
    });
});

describe("somebody else's group in the way", () => {
  // An ordinary user's are those of which a part was handed over.
  const possible = hierarchies().filter((mount) => ownGroup(mount) !== null);
  confined.each(possible.filter((mount) => /memory|unified$|pids|cgroup$/.test(mount)))(
    '%s: run says ERR_COMPART_EXISTS, undoes what it made and leaves that group alone',
    async (mount) => {
      // One beside it keeps the parent, which may be a unit of systemd.
      await compart('load', 'pids', '--name', 'beside');
      const foreign = `${mount}${sandbox.current.base}/taken`;
      mkdirSync(foreign, { recursive: true });
      const answer = await compart('run', '--json', '--name', 'taken', '--', 'true');
      expect({ status: answer.status, stdout: answer.stdout }).toEqual({ status: 125, stdout: '' });
      expect(errorOf(answer)).toMatchObject({
        code: 'ERR_COMPART_EXISTS',
        message: `cannot make ${foreign}: File exists`,
      });
      expect(errorOf(answer).hint).toContain('--name');
      const groups = groupsBelow(sandbox.current.base).filter((dir) => !dir.endsWith('/beside'));
      expect({ groups, state: readdirSync(folder('')) }).toEqual({ groups: [foreign], state: ['beside'] });
      rmdirSync(foreign);
      expect(await compart('run', '--name', 'taken', '--', 'sh', '-c', 'exit 5')).toEqual({
        status: 5,
        stdout: '',
        stderr: '',
      });
      expect((await compart('rm', 'beside')).status).toBe(0);
    },
  );
});

describe('a loaded compartment whose group somebody has taken away, as systemctl stop compart.scope does', () => {
  const lose = async (name: string): Promise<void> => {
    expect((await compart('load', 'pids', '--name', name, '--pids', '5')).status).toBe(0);
    for (const dir of dirsOf(sandbox.current, name)) rmdirSync(dir);
  };
  const GONE = { dirs: 0, folder: false };
  const left = (name: string): typeof GONE => ({
    dirs: dirsOf(sandbox.current, name).length,
    folder: existsSync(folder(name)),
  });

  beforeEach(async () => {
    // One beside it keeps the parent, which may be a unit of systemd, and is nobody's to sweep.
    await compart('load', 'pids', '--name', 'beside');
  });
  afterEach(async () => {
    expect(await names()).toEqual(['beside']);
    expect((await compart('rm', 'beside')).status).toBe(0);
  });

  confined('is not in ps any more', async () => {
    await lose('lost');
    expect(await names()).toEqual(['beside']);
    expect(left('lost')).toEqual(GONE);
  });

  confined('is told by gc, and its name can be had again', async () => {
    await lose('lost');
    expect(await compart('gc')).toEqual({ status: 0, stdout: 'lost\n', stderr: '' });
    await lose('lost');
    expect((await compart('load', 'pids', '--name', 'lost')).status).toBe(0);
    expect(await names()).toEqual(['beside', 'lost']);
    expect(await compart('rm', 'lost')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  confined.each([
    ['exec', ['lost', '--', 'true']],
    ['set', ['lost', '--pids', '7']],
    ['inspect', ['lost']],
    ['unload', ['lost']],
  ])('%s says so, and what to do', async (verb, args) => {
    await lose('lost');
    expect(await compart(verb, ...args)).toEqual({
      status: 125,
      stdout: '',
      stderr:
        'compart: somebody took the group of "lost" away\n' +
        'compart: it holds nobody any more; load it anew: compart load --name lost\n',
    });
    expect(left('lost')).toEqual(GONE);
  });

  confined('rm removes what is left of it', async () => {
    await lose('lost');
    expect(await compart('rm', 'lost')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(left('lost')).toEqual(GONE);
  });
});
