import { readFileSync } from 'node:fs';
import { afterEach, describe, expect } from '@jest/globals';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, processesBelow, useSandbox } from '../support/sandbox.js';
import { Terminal, type TerminalOptions } from '../support/terminal.js';
import { busyAndIdle, cellsOf, isAbout, PATIENCE_MS, SLEEP, TITLES } from '../support/top.js';
import { verbsIn } from '../support/verbs.js';

const withTmux = requires('groups', 'tmux', 'cgroup-cpu', 'cgroup-memory', 'cgroup-pids');

let terminal: Terminal | null = null;
// Before the sandbox looks for what was left: hooks run in this order.
afterEach(async () => {
  await terminal?.close();
  terminal = null;
  await compart('rm', '--force', 'busy');
  await compart('rm', '--force', 'idle');
});
const sandbox = useSandbox();
const verbs = verbsIn(sandbox);
const { compart, detach, inspect } = verbs;

async function top(words: readonly string[] = [], size: Partial<TerminalOptions> = {}): Promise<Terminal> {
  const { env, dir } = sandbox.current;
  terminal = await Terminal.open([COMPART, 'top', ...words], { env, cwd: dir, ...size });
  return terminal;
}

const row = (name: string, fits: (cells: Record<string, string>) => boolean) =>
  until(
    `a row of ${name}`,
    async () => {
      const cells = cellsOf((await terminal?.screen()) ?? '', name);
      return cells !== null && fits(cells) ? cells : null;
    },
    PATIENCE_MS,
  );

const shows = (pattern: RegExp) => terminal!.shows(pattern, PATIENCE_MS);
const press = (...keys: string[]) => terminal!.keys(...keys);
describe('compart top on a terminal of 80 by 24', () => {
  withTmux(
    'shows one at its CPU ceiling with a rate near it, and how often it is held back',
    async () => {
      await busyAndIdle(verbs);
      await top();
      await shows(new RegExp(`^${TITLES.replaceAll('/', '\\/')}$`, 'm'));
      const cells = await row('busy', ({ cpu, throttled }) => isAbout(cpu, 50, 8) && Number(throttled) > 0);
      expect(cells).toMatchObject({ kind: 'comp', state: 'run', cpuLimit: '50', memLimit: '64M', pids: '1' });
      const lines = (await terminal!.screen()).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    },
    90_000,
  );

  withTmux(
    'orders by the column of a key, and the other way round',
    async () => {
      await busyAndIdle(verbs);
      await top();
      await shows(/^busy .*\nidle /m);
      await press('n', 'r');
      await shows(/by name, reversed[^]*^idle .*\nbusy /m);
      await press('r');
      await shows(/by name\n[^]*^busy .*\nidle /m);
    },
    90_000,
  );

  withTmux(
    'shows what passes the filter, by name and by label, until Escape',
    async () => {
      await busyAndIdle(verbs);
      await top();
      await shows(/^idle /m);
      await press('/');
      await terminal!.type('team=w');
      await shows(/1 of 2 compartments/);
      expect(await terminal!.screen()).not.toMatch(/^idle /m);
      await press('Enter');
      await press('Escape');
      await shows(/^idle /m);
    },
    90_000,
  );

  withTmux(
    'shows one compartment with the bars of its last minute',
    async () => {
      await busyAndIdle(verbs);
      await top();
      await row('busy', ({ cpu }) => Number(cpu) > 0);
      await press('Enter');
      await shows(/^labels +team=web$/m);
      await shows(/^CPU% .*[▅▆▇█]{2}$/m);
      await shows(/^THR% .*[▂▃▄▅▆▇█]{2}/m);
      for (const label of ['MEM', 'RX/s', 'TX/s', 'PSI']) await shows(new RegExp(`^${label} `, 'm'));
      await press('q');
      await shows(/^idle /m);
    },
    90_000,
  );

  withTmux(
    'freezes and thaws when that is confirmed, and not otherwise',
    async () => {
      await busyAndIdle(verbs);
      await top(['busy']);
      await row('busy', ({ state }) => state === 'run');
      await press('f');
      await shows(/^Freeze busy\? y\/n/m);
      await press('n');
      await shows(/q quit$/m);
      expect((await inspect('busy')).state).toBe('running');
      await press('f');
      await shows(/^Freeze busy\?/m);
      await press('y');
      await row('busy', ({ state }) => state === 'frz');
      expect((await inspect('busy')).state).toBe('frozen');
      await press('f');
      await shows(/^Thaw busy\?/m);
      await press('y');
      await row('busy', ({ state }) => state === 'run');
      expect((await inspect('busy')).state).toBe('running');
    },
    90_000,
  );

  withTmux(
    'kills when that is confirmed, and the row is gone',
    async () => {
      await busyAndIdle(verbs);
      await top(['--sort', 'name']);
      await row('idle', () => true);
      await press('Down', 'K');
      await shows(/^Kill every process of idle\? y\/n/m);
      await press('y');
      await until(
        'idle has left the table',
        async () => !/^idle /m.test(await terminal!.screen()),
        PATIENCE_MS,
      );
      expect((await compart('inspect', 'idle')).status).toBe(125);
      expect(new Set(processesBelow(sandbox.current.base)).size).toBe(1);
      await shows(/^busy /m);
    },
    90_000,
  );

  withTmux(
    'takes the width of the terminal as it changes',
    async () => {
      await detach('idle', [], ...SLEEP);
      await top();
      await shows(/PIDS$/m);
      await terminal!.resize(120, 30);
      await shows(/PIDS READ\/s WRIT\/s +UP .*COMMAND$/m);
      await shows(/sleep 600$/m);
      await terminal!.resize(80, 10);
      await shows(/PIDS$/m);
      expect((await terminal!.screen()).split('\n')).toHaveLength(10);
    },
    90_000,
  );

  withTmux(
    'says that there is nothing and how to start something',
    async () => {
      await top();
      await shows(/There are no compartments\. Start one:\n\n +compart run /);
    },
    90_000,
  );
});

describe('the terminal after compart top', () => {
  const quitBy: ReadonlyArray<readonly [string, (shell: Terminal) => Promise<void>]> = [
    ['q', (shell) => shell.keys('q')],
    ['Ctrl-C', (shell) => shell.keys('C-c')],
    ['SIGTERM', () => signalTop('SIGTERM')],
  ];

  async function topOfShell(): Promise<void> {
    const { env, dir } = sandbox.current;
    const variables = { ...env, COMPART, PS1: 'outer> ', HISTFILE: '' };
    terminal = await Terminal.open(['bash', '--norc', '--noprofile'], { env: variables, cwd: dir });
    await shows(/^outer>$/m);
    await terminal.line(
      'echo before; "$COMPART" top & echo $! > pid; fg >/dev/null; stty -a | grep -o " echo "',
    );
    await shows(/There are no compartments/);
  }

  function signalTop(signal: NodeJS.Signals): Promise<void> {
    process.kill(Number(readFileSync(`${sandbox.current.dir}/pid`, 'utf8')), signal);
    return Promise.resolve();
  }

  for (const [name, quit] of quitBy)
    withTmux(
      `is as it was before, after ${name}`,
      async () => {
        await topOfShell();
        await quit(terminal!);
        await shows(/^before$[^]*^ echo$[^]*^outer>$/m);
        expect(await terminal!.screen()).not.toMatch(/There are no compartments/);
      },
      90_000,
    );

  withTmux(
    'is as it was while it is stopped, and shows the table when it goes on',
    async () => {
      await topOfShell();
      await press('C-z');
      await shows(/^before$[^]*^outer>$/m);
      await terminal!.line('fg');
      await shows(/There are no compartments/);
      await press('q');
      await shows(/^outer>$/m);
    },
    90_000,
  );
});
