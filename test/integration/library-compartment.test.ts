import { describe, expect } from '@jest/globals';
import { firstLine, service, told } from '../support/library.js';
import { MIB, runs, until } from '../support/programs.js';
import { LEAVES, requires } from '../support/requires.js';
import { groupsBelow, useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const here = <T extends readonly unknown[]>(code: string): Promise<T> => told<T>(sandbox.current, code);
const inGroups = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

describe('a Compartment of the library', () => {
  inGroups(
    'runs commands one beside the other, which share its limits, and is removed with its end',
    async () => {
      const said = await here(`
      const pool = await Compartment.create({ name: 'pool', mem: '64M', labels: { team: 'web' } });
      const outputs = await Promise.all([1, 2, 3].map((n) => pool.exec('echo', [String(n)])));
      said(outputs.map(({ stdout, record }) => [stdout, record]));
      const failure = await errorOf(pool.exec('tail', ['/dev/zero']));
      said([failure.name, failure.limit, failure.exitCode]);
      said((await errorOf(pool.exec('sh', ['-c', 'exit 3']))).code);
      const { state, labels } = await pool.inspect();
      said([state, labels, (await pool.stats()).vm.oomKills]);
      said((await Compartment.list()).map(({ name }) => name));
      await pool[Symbol.asyncDispose]();
      await pool.remove();
      said([(await Compartment.list()).length, (await errorOf(pool.exec('true'))).code]);`);
      expect(said).toEqual([
        [
          ['1', null],
          ['2', null],
          ['3', null],
        ],
        ['LimitError', 'vm', 137],
        'ERR_COMPART_FAILED',
        ['created', { team: 'web' }, 1],
        ['pool'],
        [0, 'ERR_COMPART_NOT_FOUND'],
      ]);
    },
  );

  inGroups('spawns a process to talk to, freezes, thaws and kills what runs in it', async () => {
    const said = await here(`
      const box = await Compartment.create({ pids: 10 });
      const talk = box.spawn('cat');
      const lines = talk.lines();
      talk.stdin.write('hello\\n');
      said((await lines.next()).value);
      await box.freeze();
      said((await box.inspect()).state);
      said((await errorOf(box.exec('true'))).code);
      await box.thaw();
      talk.stdin.write('again\\n');
      said((await lines.next()).value);
      await box.kill();
      said((await talk).signal);
      await box.remove();`);
    expect(said).toEqual(['hello', 'frozen', 'ERR_COMPART_BUSY', 'again', 'SIGKILL']);
  });

  inGroups('ends a command at its timeout, with the children of its session', async () => {
    const [ended, pid] = await here<[[string, number], number]>(`
      const box = await Compartment.create();
      const failure = await errorOf(box.exec('sh', ['-c', 'sleep 60 & echo $!; sleep 60'], { timeout: 200 }));
      said([failure.code, failure.exitCode]);
      said(Number(failure.result.stdout));
      await box.remove();`);
    expect(ended).toEqual(['ERR_COMPART_TIMEOUT', 124]);
    expect(runs(pid)).toBe(false);
  });

  inGroups('takes 20 changes at once from one process, and 20 attachments', async () => {
    const said = await here(`
      import { spawn } from 'node:child_process';
      const box = await Compartment.create({ mem: '64M' });
      const sizes = Array.from({ length: 20 }, (_, n) => (64 + n) * 2 ** 20);
      const seen = await Promise.all(sizes.map((mem) => box.set({ mem })));
      said(seen.map(({ subsystems }) => subsystems.vm.limits.limitBytes).sort((a, b) => a - b));
      const children = sizes.map(() => spawn('sleep', ['60']));
      const attached = await Promise.all(children.map(({ pid }) => box.attach(pid)));
      said([attached.map(({ pids }) => pids.length), (await box.stats()).pids.current]);
      await box.remove();`);
    expect(said).toEqual([
      Array.from({ length: 20 }, (_, n) => (64 + n) * MIB),
      [Array<number>(20).fill(1), 20],
    ]);
  });

  inGroups('tells its events, its end too, to each of two that watch', async () => {
    const said = await here(`
      const box = await Compartment.create({ mem: '64M' });
      const watch = async () => {
        const seen = [];
        for await (const { event } of box.events()) seen.push(event);
        return seen;
      };
      const both = Promise.all([watch(), watch()]);
      await delay(300);
      await box.set({ mem: '32M' });
      await box.exec('tail', ['/dev/zero'], { reject: false });
      await delay(300);
      await box.remove();
      said(await both);`);
    expect(said).toEqual([
      [
        ['limit', 'oom'],
        ['limit', 'oom'],
      ],
    ]);
  });

  inGroups('is open to others, and persists where that is asked for', async () => {
    const { compart } = sandbox.current;
    const said = await here(`
      const kept = await Compartment.create({ name: 'kept', mem: '64M', persistent: true });
      const same = await Compartment.open('kept');
      said([same.id === kept.id, (await errorOf(Compartment.create({ name: 'kept' }))).code]);
      said((await errorOf(Compartment.open('none'))).code);`);
    expect(said).toEqual([[true, 'ERR_COMPART_EXISTS'], 'ERR_COMPART_NOT_FOUND']);
    expect((await compart(['exec', 'kept', '--', 'echo', 'inside'])).stdout).toBe('inside\n');
    expect((await compart(['rm', 'kept'])).status).toBe(0);
  });
});

describe('a service that puts itself under a limit', () => {
  const SELF = `
      import { spawn } from 'node:child_process';
      const groups = (pid = 'self') => fs.readFileSync('/proc/' + pid + '/cgroup', 'utf8').includes('/own');
      const child = spawn('sleep', ['60']);
      const other = run('sleep', ['60'], { name: 'other', reject: false });
      const pid = await other.spawned();
      const own = await Compartment.self({ name: 'own', mem: '512M' });
      said(groups() && groups(child.pid) && !groups(pid));
      said((await run('sh', ['-c', 'grep -c /own /proc/self/cgroup'], { reject: false })).stdout);
      const later = spawn('sleep', ['60']);
      said(groups(later.pid));
      said((await errorOf(Compartment.self({ net: 'none' }))).code);
      const endAll = () => [other, child, later].forEach((each) => each.kill());`;

  inGroups('is inside with its children, and runs others beside it', async () => {
    expect(
      await here(`${SELF}
      endAll();
      await other;`),
    ).toEqual([true, '0', true, 'ERR_COMPART_ATTACH']);
    await until('its end', async () => (await sandbox.current.json<unknown[]>(['ps'])).length === 0);
  });

  requires(
    'groups',
    'cgroup-memory',
    LEAVES,
  )('comes out again', async () => {
    const said = await here(`${SELF}
      await own.remove();
      said(groups() || groups(child.pid));
      endAll();
      await other;
      said((await Compartment.list()).length);`);
    expect(said).toEqual([true, '0', true, 'ERR_COMPART_ATTACH', false, 0]);
  });
});

describe('the end of a service', () => {
  const CODE = `
    const running = run('sh', ['-c', 'sleep 600 & sleep 600'], { name: 'job', net: 'none' });
    running.catch(() => undefined);
    await Compartment.create({ name: 'pool', mem: '64M' });
    const own = await Compartment.self({ name: 'own', mem: '512M' });
    said(await running.spawned());
    await delay(600000);`;

  const ends: Array<[string, NodeJS.Signals]> = [
    ['kill -9', 'SIGKILL'],
    ['SIGTERM', 'SIGTERM'],
  ];
  for (const [how, signal] of ends) {
    requires(
      'groups',
      'cgroup-memory',
      'ip',
    )(`by ${how} leaves no process, no group and no record`, async () => {
      const { current } = sandbox;
      const running = service(current, CODE);
      const pid = Number(await firstLine(running));
      expect(runs(pid)).toBe(true);
      running.kill(signal);
      await running;
      await until('everything is gone', async () => {
        const groups = groupsBelow(current.base);
        return !runs(pid) && groups.length === 0 && (await current.json<unknown[]>(['ps'])).length === 0;
      });
    });
  }
});
