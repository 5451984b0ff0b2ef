import { existsSync, readdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { SmallDisk } from '../support/crash-disk.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { groupsBelow, processesBelow, useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer, Inspection } from '../support/shapes.js';

const sandbox = useSandbox();
const withRoot = requires('root', 'cgroup-memory', 'cgroup-pids');
const errorOf = ({ stderr }: Answer): ErrorAnswer['error'] => (JSON.parse(stderr) as ErrorAnswer).error;
const NOTHING = { groups: [], entries: [] };

describe('a state folder on a disk of 64 KiB', () => {
  let disk: SmallDisk;
  let state: string;
  const there = (args: string[]): Promise<Answer> =>
    sandbox.current.compart(args, { env: { COMPART_STATE: state } });
  const entries = (): string[] =>
    existsSync(`${state}/compartments`) ? readdirSync(`${state}/compartments`) : [];

  const left = (): unknown => ({ groups: groupsBelow(sandbox.current.base), entries: entries() });

  beforeEach(() => {
    disk = new SmallDisk(`${sandbox.current.dir}/disk`);
    state = `${disk.dir}/state`;
  });
  afterEach(async () => {
    try {
      for (const name of entries()) await there(['rm', '--force', name]);
      await until('its processes to end', () => processesBelow(sandbox.current.base).length === 0);
    } finally {
      disk.unmount();
    }
  });

  withRoot(
    'that is full: run says so with ERR_COMPART_STATE and leaves nothing; with room again it works',
    async () => {
      disk.fill();
      const answer = await there(['run', '--json', '--', 'true']);
      expect({ status: answer.status, stdout: answer.stdout }).toEqual({ status: 125, stdout: '' });
      expect(errorOf(answer)).toMatchObject({
        code: 'ERR_COMPART_STATE',
        message: expect.stringMatching(/^cannot (make|write) .*: No space left on device$/) as unknown,
      });
      expect(left()).toEqual(NOTHING);
      disk.clear();
      expect(await there(['run', '--', 'sh', '-c', 'exit 5'])).toEqual({ status: 5, stdout: '', stderr: '' });
    },
  );

  withRoot(
    'with 0 to 9 pages free: a run works or says that there is no space, and never leaves anything',
    async () => {
      const statuses = new Set<number>();
      for (let pages = 0; pages <= 9; pages += 1) {
        rmSync(state, { recursive: true, force: true });
        disk.fill(pages);
        const answer = await there(['run', '--name', `p${pages}`, '--', 'sh', '-c', 'exit 5']);
        statuses.add(answer.status);
        expect([5, 125]).toContain(answer.status);
        if (answer.status === 125) expect(answer.stderr).toMatch(/^compart: .*: No space left on device$/m);
        expect({ pages, groups: groupsBelow(sandbox.current.base), entries: entries() }).toEqual({
          pages,
          groups: [],
          entries: [],
        });
      }
      expect(statuses).toEqual(new Set([5, 125]));
    },
  );

  withRoot(
    'that the command itself fills: its own status 7 is kept, one line says what was lost, nothing is left',
    async () => {
      const script = `sleep 0.5; cat /dev/zero > ${disk.dir}/filler 2>/dev/null; exit 7`;
      const answer = await there(['run', '--name', 'filling', '--', 'sh', '-c', script]);
      expect({ status: answer.status, stdout: answer.stdout }).toEqual({ status: 7, stdout: '' });
      expect(answer.stderr).toMatch(/^compart: .*history.*: No space left on device\n$/);
      expect(left()).toEqual(NOTHING);
    },
  );

  withRoot(
    'that the command itself fills: the report that has no room there is named, its status 7 is kept',
    async () => {
      const script = `sleep 0.5; cat /dev/zero > ${disk.dir}/filler 2>/dev/null; exit 7`;
      const flags = ['--report', `${disk.dir}/report.json`];
      const answer = await sandbox.current.compart(['run', ...flags, '--', 'sh', '-c', script]);
      expect({ status: answer.status, stdout: answer.stdout }).toEqual({ status: 7, stdout: '' });
      expect(answer.stderr).toBe(
        `compart: cannot write the report to "${disk.dir}/report.json": No space left on device\n`,
      );
    },
  );

  withRoot('that is full: what runs there can be listed, frozen, killed and removed', async () => {
    await there(['load', 'pids', '--name', 'loaded', '--pids', '10']);
    await there(['run', '-d', '--name', 'running', '--', 'sleep', '1000']);
    disk.fill();
    const listed = JSON.parse((await there(['ps', '--json'])).stdout) as Inspection[];
    expect(listed.map(({ name, state: now }) => `${name} ${now}`)).toEqual([
      'loaded created',
      'running running',
    ]);
    for (const args of [
      ['freeze', 'running'],
      ['thaw', 'running'],
      ['rm', '--force', 'running'],
      ['rm', 'loaded'],
    ]) {
      expect({ args, answer: await there(args) }).toEqual({
        args,
        answer: { status: 0, stdout: '', stderr: '' },
      });
    }
    expect(left()).toEqual(NOTHING);
  });

  withRoot('that is full: gc removes what a crash left', async () => {
    const subprocess = sandbox.current.start(['run', '--name', 'lost', '--', 'sleep', '1000'], {
      env: { COMPART_STATE: state },
      stdout: 'ignore',
      stderr: 'ignore',
    });
    await until('the command', () => processesBelow(sandbox.current.base).length > 0);
    subprocess.kill('SIGKILL');
    await subprocess;
    disk.fill();
    expect(await there(['gc'])).toEqual({ status: 0, stdout: 'lost\n', stderr: '' });
    expect(left()).toEqual(NOTHING);
  });

  withRoot(
    'that is full: set and load say so with ERR_COMPART_STATE and the compartment stays as whole as it was',
    async () => {
      await there(['load', 'pids', '--name', 'loaded', '--pids', '10']);
      disk.fill();
      for (const args of [
        ['set', 'loaded', '--pids', '20', '--json'],
        ['load', 'vm', '--name', 'loaded', '--json'],
      ]) {
        const answer = await there(args);
        expect({ status: answer.status, code: errorOf(answer).code }).toEqual({
          status: 125,
          code: 'ERR_COMPART_STATE',
        });
        const { subsystems } = JSON.parse((await there(['inspect', 'loaded'])).stdout) as Inspection;
        expect({ kinds: Object.keys(subsystems), limit: subsystems.pids.limits['limit'] }).toEqual({
          kinds: ['pids'],
          limit: 10,
        });
      }
      expect(await there(['rm', 'loaded'])).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(left()).toEqual(NOTHING);
    },
  );

  withRoot(
    'that is read-only: run says so with ERR_COMPART_STATE, ps lists nothing, nothing is left',
    async () => {
      disk.remount('ro');
      const answer = await there(['run', '--json', '--', 'true']);
      expect({ status: answer.status, stdout: answer.stdout }).toEqual({ status: 125, stdout: '' });
      expect(errorOf(answer)).toMatchObject({
        code: 'ERR_COMPART_STATE',
        message: `cannot make ${state}/compartments: Read-only file system`,
        hint: 'COMPART_STATE names another folder for the state',
      });
      expect(await there(['ps', '--json'])).toEqual({ status: 0, stdout: '[]\n', stderr: '' });
      expect(groupsBelow(sandbox.current.base)).toEqual([]);
    },
  );

  withRoot(
    'that becomes read-only: ps lists what is loaded, rm says so, and works once it is writable',
    async () => {
      await there(['load', 'pids', '--name', 'loaded']);
      disk.remount('ro');
      const listed = JSON.parse((await there(['ps', '--json'])).stdout) as Inspection[];
      expect(listed.map(({ name }) => name)).toEqual(['loaded']);
      const answer = await there(['rm', '--json', 'loaded']);
      expect({ status: answer.status, error: errorOf(answer) }).toMatchObject({
        status: 125,
        error: {
          code: 'ERR_COMPART_STATE',
          message: expect.stringMatching(/: Read-only file system$/) as unknown,
        },
      });
      disk.remount('rw');
      expect(await there(['rm', 'loaded'])).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(left()).toEqual(NOTHING);
    },
  );
});
