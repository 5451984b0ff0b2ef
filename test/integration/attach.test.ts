import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { groupFor, groupsOf, MIB, PYTHON, runs, tree, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, hierarchies, useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer, Inspection } from '../support/shapes.js';

const sandbox = useSandbox();

/** Every group of a process or thread that is not the given one, by controller. */
function outside(procDir: string, group: string, controllers: readonly string[]): string[] {
  const groups = groupsOf(procDir);
  return controllers.filter((controller) => groupFor(groups, controller) !== group);
}

const threadsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}`);

/** Starts a program of the test's own, hands it over, and ends it and its descendants afterwards. */
async function withProgram(argv: readonly string[], use: (pid: number) => Promise<void>): Promise<void> {
  const [file = '', ...args] = argv;
  const child = execa(file, args, { reject: false, stdio: 'ignore', env: { NODE_OPTIONS: '' } });
  const pid = child.pid ?? 0;
  try {
    await use(pid);
  } finally {
    // From the top: a shell that lived on would end by itself once the children it waits for are dead.
    for (const each of runs(pid) ? tree(pid) : []) {
      if (runs(each)) process.kill(each, 'SIGKILL');
    }
    await child;
  }
}

async function load(kind: string, ...flags: string[]): Promise<void> {
  const answer = await sandbox.current.compart(['load', kind, '--name', 'job', ...flags]);
  expect(answer).toEqual({ status: 0, stdout: 'job\n', stderr: '' });
}

const inspect = (): Promise<Inspection> => sandbox.current.json(['inspect', 'job']);

/** What is on stderr of a refused attach. */
async function refusal(pid: number | string): Promise<ErrorAnswer['error'] & { status: number }> {
  const { status, stdout, stderr } = await sandbox.current.compart(['attach', '--json', 'job', String(pid)]);
  expect(stdout).toBe('');
  return { status, ...(JSON.parse(stderr) as ErrorAnswer).error };
}

const SLEEPERS = ['sh', '-c', 'sh -c "sleep 60 & sleep 60 & wait" & wait'];

describe('compart attach', () => {
  requires(
    'groups',
    'cgroup-memory',
    'cgroup-pids',
  )('moves a shell with a child and 2 grandchildren: 4 processes, into every group', async () => {
    await load('vm', '--mem', '128M');
    await load('pids', '--pids', '50');
    await withProgram(SLEEPERS, async (pid) => {
      await until('4 processes', () => tree(pid).length === 4);
      const group = `${sandbox.current.base}/job`;
      const { pids } = await sandbox.current.json<{ pids: number[] }>(['attach', 'job', String(pid)]);
      expect(pids.sort()).toEqual(tree(pid).sort());
      for (const each of tree(pid)) expect(outside(`/proc/${each}`, group, ['memory', 'pids'])).toEqual([]);
      expect((await inspect()).subsystems.pids.stats).toMatchObject({ current: 4, limit: 50 });
      expect((await sandbox.current.compart(['rm', 'job'])).status).toBe(125);
      await sandbox.current.compart(['kill', 'job']);
      expect(runs(pid)).toBe(false);
    });
    await sandbox.current.compart(['rm', 'job']);
  });

  requires(
    'groups',
    'cgroup-memory',
    'python3',
  )('64M then kills a grandchild that wants 200 MiB; its parents live', async () => {
    await load('vm', '--mem', '64M');
    const go = `${sandbox.current.dir}/go`;
    const late = `${sandbox.current.dir}/late.py`;
    writeFileSync(
      late,
      `import os, time\nwhile not os.path.exists("${go}"): time.sleep(0.02)\nx = bytearray(200 << 20)\ntime.sleep(60)\n`,
    );
    await withProgram(['sh', '-c', `sh -c '"${PYTHON}" ${late}; sleep 60' & wait`], async (pid) => {
      await until('the grandchild', () => tree(pid).length === 3);
      const [, child = 0, grandchild = 0] = tree(pid);
      await sandbox.current.compart(['attach', 'job', String(pid)]);
      writeFileSync(go, '');
      await until('the grandchild is killed', () => !runs(grandchild));
      expect([runs(pid), runs(child)]).toEqual([true, true]);
      const { vm } = (await inspect()).subsystems;
      expect(vm.stats).toMatchObject({ limitBytes: 64 * MIB, oomKills: 1 });
      expect(vm.stats.peakBytes).toBeLessThanOrEqual(64 * MIB);
    });
    await sandbox.current.compart(['rm', 'job']);
  });

  requires(
    'groups',
    'cgroup-memory',
    'cgroup-pids',
  )('moves a node of 4 workers with all its threads, and 96M then kills it at 300 MiB', async () => {
    await load('vm', '--mem', '96M');
    await load('pids');
    const go = `${sandbox.current.dir}/go`;
    const worker = 'setInterval(() => {}, 1000)';
    const main =
      'const { Worker } = require("worker_threads"); const held = [];' +
      `for (let n = 0; n < 4; n += 1) new Worker(${JSON.stringify(worker)}, { eval: true });` +
      `setInterval(() => { if (require("fs").existsSync("${go}")) held.push(Buffer.alloc(300 << 20, 1)); }, 20)`;
    await withProgram([process.execPath, '-e', main], async (pid) => {
      await until('node and its 4 workers', () => threadsOf(pid).length >= 11);
      await sandbox.current.compart(['attach', 'job', String(pid)]);
      const group = `${sandbox.current.base}/job`;
      const threads = threadsOf(pid);
      expect(threads.flatMap((thread) => outside(thread, group, ['memory', 'pids']))).toEqual([]);
      expect((await inspect()).subsystems.pids.stats.current).toBe(threads.length);
      writeFileSync(go, '');
      await until('it is killed', () => !runs(pid));
      expect((await inspect()).subsystems.vm.stats.oomKills).toBe(1);
    });
    await sandbox.current.compart(['rm', 'job']);
  });

  requires('groups', 'cgroup-memory')(
    'says on stderr that what they hold already is charged elsewhere',
    async () => {
      await load('vm', '--mem', '64M');
      await withProgram(['sleep', '60'], async (pid) => {
        const { status, stdout, stderr } = await sandbox.current.compart(['attach', 'job', String(pid)]);
        expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
        expect(stderr).toMatch(
          /^compart: job: 1 attached; the .+ they hold already stay charged where they were, limits count from here on\n$/,
        );
      });
      await sandbox.current.compart(['rm', 'job']);
    },
  );
});

describe('compart attach refuses with 125', () => {
  requires('groups', 'cgroup-pids')(
    'a pid that is gone, a zombie, a kernel thread and pid 1, each with its reason',
    async () => {
      await load('pids', '--pids', '10');
      const gone = execa('true');
      await gone;
      const message = (pid: number, why: string): unknown => ({
        status: 125,
        code: 'ERR_COMPART_ATTACH',
        message: `cannot attach process ${pid}: ${why}`,
        hint: expect.any(String),
      });
      expect(await refusal(gone.pid ?? 0)).toEqual(message(gone.pid ?? 0, 'there is no such process'));
      expect(await refusal(2)).toEqual(message(2, 'it is a kernel thread (kthreadd)'));
      expect(await refusal(1)).toEqual(message(1, 'it is the init of this system'));
      await withProgram(['sh', '-c', 'sleep 0 & exec sleep 60'], async (pid) => {
        const [, zombie = 0] = await until('a zombie', () =>
          tree(pid).some((each) => !runs(each)) ? tree(pid) : null,
        );
        expect(await refusal(zombie)).toEqual(message(zombie, 'there is no such process'));
      });
      await sandbox.current.compart(['rm', 'job']);
    },
  );

  requires('groups', 'cgroup-pids')(
    'a list with one bad pid before any of it is moved, and what is no pid with 2',
    async () => {
      await load('pids', '--pids', '10');
      await withProgram(['sleep', '60'], async (pid) => {
        const { status, stderr } = await sandbox.current.compart(['attach', 'job', String(pid), '1']);
        expect(status).toBe(125);
        expect(stderr).toMatch(/^compart: cannot attach process 1: /);
        expect(groupsOf(`/proc/${pid}`)).toEqual(groupsOf('/proc/self'));
      });
      for (const word of ['0', '-1', 'x', '1.5', '99999999'])
        expect((await sandbox.current.compart(['attach', 'job', '--', word])).status).toBe(2);
      await sandbox.current.compart(['rm', 'job']);
    },
  );

  requires(
    'root',
    'groups outside of what systemd manages',
    'cgroup-pids',
    'setpriv',
  )("root's process for uid 65534, and its own is moved", async () => {
    const { base, dir, env } = sandbox.current;
    const state = `${dir}/nobody`;
    const bases = hierarchies().map((mount) => mount + base);
    mkdirSync(state, { mode: 0o700 });
    for (const path of [dir, state]) chownSync(path, 65534, 65534);
    for (const path of bases) delegate(path, 65534);
    const shells = bases.flatMap((path) => leafIn(path, 65534));
    const enter = shells.map((shell) => `echo $$ > ${shell}/cgroup.procs;`).join(' ');
    const asNobody = (...words: string[]): string[] => [
      ...['-c', `${enter} exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"`, 'sh'],
      ...words,
    ];
    const compart = async (...args: string[]): Promise<Answer> => {
      const { exitCode, stdout, stderr } = await execa('sh', asNobody(COMPART, ...args), {
        reject: false,
        cwd: '/',
        env: { ...env, COMPART_STATE: state, HOME: dir, XDG_RUNTIME_DIR: dir },
      });
      return { status: exitCode ?? -1, stdout, stderr };
    };
    expect(await compart('load', 'pids', '--name', 'job', '--pids', '10')).toEqual({
      status: 0,
      stdout: 'job',
      stderr: '',
    });
    await withProgram(['sleep', '60'], async (pid) => {
      const { status, stderr } = await compart('attach', '--json', 'job', String(pid));
      expect(status).toBe(125);
      expect((JSON.parse(stderr) as ErrorAnswer).error).toEqual({
        code: 'ERR_COMPART_ATTACH',
        message: `cannot attach process ${pid}: it belongs to uid 0`,
        hint: 'run compart as that user or as root',
      });
      expect(groupsOf(`/proc/${pid}`)).toEqual(groupsOf('/proc/self'));
    });
    await withProgram(['sh', ...asNobody('sleep', '60')], async (pid) => {
      await until('it is of uid 65534', () => statSync(`/proc/${pid}`).uid === 65534);
      expect(await compart('attach', 'job', String(pid))).toMatchObject({ status: 0 });
      expect(outside(`/proc/${pid}`, `${base}/job`, ['pids'])).toEqual([]);
    });
    expect(await compart('rm', 'job')).toMatchObject({ status: 0 });
    for (const path of [...shells, ...bases]) rmdirSync(path);
  });
});

describe('compart unload', () => {
  requires(
    'root',
    'cgroup-memory',
    'cgroup-pids',
  )("NAME/vm gives memory back to the caller's group and keeps pids; NAME gives all back", async () => {
    await load('vm', '--mem', '64M');
    await load('pids', '--pids', '10');
    await withProgram(SLEEPERS, async (pid) => {
      await until('4 processes', () => tree(pid).length === 4);
      const own = groupsOf('/proc/self');
      await sandbox.current.compart(['attach', 'job', String(pid)]);
      expect(await sandbox.current.compart(['unload', 'job/vm'])).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
      for (const each of tree(pid)) {
        const groups = groupsOf(`/proc/${each}`);
        // On v2 one group holds both, and is left only as a whole.
        expect([groupFor(groups, 'memory'), groupFor(groups, 'pids')]).toEqual([
          own.get('memory') ?? `${sandbox.current.base}/job`,
          `${sandbox.current.base}/job`,
        ]);
      }
      expect(Object.keys((await inspect()).subsystems)).toEqual(['pids']);
      expect((await sandbox.current.compart(['unload', 'job/vm'])).status).toBe(125);
      expect(await sandbox.current.compart(['unload', 'job'])).toEqual({ status: 0, stdout: '', stderr: '' });
      for (const each of tree(pid)) expect(groupsOf(`/proc/${each}`)).toEqual(own);
      expect((await sandbox.current.compart(['inspect', 'job'])).status).toBe(125);
    });
  });
});

/** What an administrator does for a user: a directory of the user's own, with its files. */
function delegate(path: string, uid: number): void {
  mkdirSync(path, { recursive: true });
  chownSync(path, uid, uid);
  for (const file of readdirSync(path)) chownSync(`${path}/${file}`, uid, uid);
}

/**
 * Where v2 holds tasks, a user moves processes only within the own subtree: they start in a leaf of it, as docs/rootless.md
 * tells an administrator. @returns that leaf, or nothing
 */
function leafIn(path: string, uid: number): string[] {
  const controllers = `${dirname(path)}/cgroup.controllers`;
  if (!existsSync(controllers) || !readFileSync(controllers, 'utf8').split(/\s/).includes('pids')) return [];
  writeFileSync(`${dirname(path)}/cgroup.subtree_control`, '+pids');
  delegate(`${path}/shell`, uid);
  return [`${path}/shell`];
}
