import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect } from '@jest/globals';
import { onPath, requires } from '../support/requires.js';
import { COMPART, processesBelow, useSandbox } from '../support/sandbox.js';
import { processNamed, Terminal } from '../support/terminal.js';
import { until } from '../support/programs.js';

const sandbox = useSandbox();
const VIM = onPath('vim.tiny') ? 'vim.tiny' : 'vim';
const withTmux = requires('groups', 'tmux');

let terminal: Terminal | null = null;
afterEach(async () => {
  await terminal?.close();
  terminal = null;
});

/** An interactive bash with the prompt `outer> ` and bin/compart in $COMPART. */
async function outerShell(): Promise<Terminal> {
  const { env, dir } = sandbox.current;
  const variables = { ...env, COMPART, PS1: 'outer> ', TERM: 'screen', HISTFILE: '' };
  terminal = await Terminal.open(['bash', '--norc', '--noprofile'], { env: variables, cwd: dir });
  await terminal.shows(/^outer>$/m);
  return terminal;
}

/** The same, with an interactive bash inside a compartment, prompt `inner> `, started from it. */
async function innerShell(): Promise<Terminal> {
  const shell = await outerShell();
  await shell.line(`"$COMPART" run --name inner --env PS1='inner> ' -- bash --norc --noprofile`);
  await shell.shows(/^inner>$/m);
  return shell;
}

/** Ends both shells: the inner one with `status`, which the outer one must see. */
async function leave(shell: Terminal, status: number): Promise<void> {
  await shell.line(`exit ${status}`);
  await shell.line('echo "left-$?"');
  await shell.shows(new RegExp(`^left-${status}$`, 'm'));
}

describe('an interactive bash in a compartment', () => {
  withTmux(
    'has the terminal: the same tty as the shell outside, and job control without a warning',
    async () => {
      const shell = await outerShell();
      await shell.line('echo "out-$(tty)"');
      const [, outside] = await shell.shows(/^out-(\/dev\/pts\/\d+)$/m);
      await shell.line(`"$COMPART" run --env PS1='inner> ' -- bash --norc --noprofile`);
      await shell.shows(/^inner>$/m);
      expect(await shell.screen()).not.toMatch(/no job control|Inappropriate ioctl/);
      await shell.line('echo "in-$(tty)"');
      const [, inside] = await shell.shows(/^in-(\/dev\/pts\/\d+)$/m);
      expect(inside).toBe(outside);
      await leave(shell, 0);
    },
  );

  withTmux('lives on when Ctrl-C interrupts its sleep, which ends with 130', async () => {
    const shell = await innerShell();
    await shell.line('sleep 100');
    await processNamed(sandbox.current.base, 'sleep');
    await shell.keys('C-c');
    await shell.line('echo "slept-$?"');
    await shell.shows(/^slept-130$/m);
    await leave(shell, 3);
  });

  withTmux(
    'runs jobs: a background sleep is listed, fg takes it to the front, Ctrl-Z stops it, kill ends it',
    async () => {
      const shell = await innerShell();
      await shell.line('sleep 100 & jobs');
      await shell.shows(/\[1\]\+?\s+Running\s+sleep 100 &/);
      await shell.line('fg');
      await processNamed(sandbox.current.base, 'sleep');
      await shell.keys('C-z');
      await shell.shows(/\[1\]\+\s+Stopped\s+sleep 100/);
      await processNamed(sandbox.current.base, 'sleep', 'T');
      await shell.line('kill %1');
      await until('its end', () => new Set(processesBelow(sandbox.current.base)).size === 1);
      // It leaves its group a moment before its shell hears of its end; the shell tells at the next prompt after. One
      // SIGCHLD that stands for two, that it went on and that it ended, has bash take the first only, until another comes.
      await until('word of its end', async () => {
        await shell.line('/bin/true; jobs');
        return /\[1\]\+\s+Terminated\s+sleep 100/.test(await shell.history());
      });
      await leave(shell, 4);
    },
  );

  withTmux('that suspends itself hands the terminal to the shell outside; fg brings it back', async () => {
    const shell = await innerShell();
    await shell.line('suspend');
    await shell.shows(/\[1\]\+\s+Stopped/);
    await shell.line('echo "outside-$((40 + 2))"');
    await shell.shows(/^outside-42$/m);
    await shell.line('fg');
    await shell.shows(/inner>\n*$/);
    await shell.line('echo "back-$((50 + 2))"');
    await shell.shows(/^back-52$/m);
    await leave(shell, 5);
  });

  withTmux('sees the window change from 80x24 to 100x30', async () => {
    const shell = await innerShell();
    await shell.line('echo "first-$(stty size)"');
    await shell.shows(/^first-24 80$/m);
    await shell.resize(100, 30);
    await shell.line('echo "then-$(stty size)"');
    await shell.shows(/^then-30 100$/m);
    await leave(shell, 0);
  });
});

describe('a command on a terminal', () => {
  withTmux(
    'gets SIGINT once from Ctrl-C, decides itself what follows, and its status 9 is the status of compart',
    async () => {
      const shell = await outerShell();
      writeFileSync(
        `${sandbox.current.dir}/count.sh`,
        'trap "echo int >> noted" INT\necho "ready-$((1 + 1))"\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done\nexit 9\n',
      );
      await shell.line('"$COMPART" run -- bash count.sh; echo "ended-$?"');
      await shell.shows(/^ready-2$/m);
      await shell.keys('C-c');
      await shell.shows(/^\^Cended-9$/m);
      expect(readFileSync(`${sandbox.current.dir}/noted`, 'utf8')).toBe('int\n');
    },
  );

  withTmux('ends with 130 at Ctrl-C and 131 at Ctrl-\\', async () => {
    const shell = await outerShell();
    for (const [key, end] of [
      ['C-c', '\\^Cended-130'],
      ['C-\\', '\\^\\\\ended-131'],
    ] as const) {
      await shell.line(`(ulimit -c 0; exec "$COMPART" run -- sleep 100); echo "ended-$?"`);
      await processNamed(sandbox.current.base, 'sleep');
      await shell.keys(key);
      await shell.shows(new RegExp(`^${end}$`, 'm'));
    }
  });

  withTmux(
    'is stopped by Ctrl-Z together with compart, listed by jobs, and goes on with fg where it was',
    async () => {
      const shell = await outerShell();
      await shell.line('"$COMPART" run -- cat');
      await processNamed(sandbox.current.base, 'cat');
      await shell.line('one');
      await shell.shows(/^one\none$/m);
      await shell.keys('C-z');
      await shell.shows(/\[1\]\+\s+Stopped/);
      await processNamed(sandbox.current.base, 'cat', 'T');
      await shell.line('/bin/true; jobs');
      await shell.line('fg');
      await processNamed(sandbox.current.base, 'cat', 'S');
      await shell.line('two');
      await shell.shows(/^two\ntwo$/m);
      await shell.keys('C-d');
      await shell.line('echo "ended-$?"');
      await shell.shows(/^ended-0$/m);
    },
  );

  withTmux('is stopped and continued 5 times in a row and misses nothing', async () => {
    const shell = await outerShell();
    await shell.line('"$COMPART" run -- cat');
    for (let turn = 1; turn <= 5; turn += 1) {
      await processNamed(sandbox.current.base, 'cat', 'S');
      await shell.keys('C-z');
      await processNamed(sandbox.current.base, 'cat', 'T');
      await shell.line(`echo "stopped-$((${turn} + 10))"`);
      await shell.shows(new RegExp(`^stopped-${turn + 10}$`, 'm'));
      await shell.line('fg');
      await processNamed(sandbox.current.base, 'cat', 'S');
      await shell.line(`turn ${turn}`);
      await shell.shows(new RegExp(`^turn ${turn}\nturn ${turn}$`, 'm'));
    }
    await shell.keys('C-d');
    await shell.shows(/^outer>$/m);
  });

  withTmux('runs on in the background with bg', async () => {
    const shell = await outerShell();
    await shell.line('mkfifo fifo');
    await shell.line(`"$COMPART" run -- sh -c 'read go < fifo; echo "went-$((3 + 3))"'`);
    await processNamed(sandbox.current.base, 'sh');
    await shell.keys('C-z');
    await processNamed(sandbox.current.base, 'sh', 'T');
    await shell.line('bg');
    await processNamed(sandbox.current.base, 'sh', 'SD');
    await shell.line('echo go > fifo; wait; echo "waited-$?"');
    await shell.shows(/^went-6$/m);
    await shell.shows(/^waited-0$/m);
  });

  withTmux('gets SIGWINCH when the window becomes 100x30', async () => {
    const shell = await outerShell();
    const script = `trap 'echo "size-$(stty size)"; exit 0' WINCH; echo "ready-$((1 + 1))"; while :; do sleep 0.05; done`;
    writeFileSync(`${sandbox.current.dir}/watch.sh`, script);
    await shell.line('"$COMPART" run -- bash watch.sh');
    await shell.shows(/^ready-2$/m);
    await shell.resize(100, 30);
    await shell.shows(/^size-30 100\nouter>$/m);
  });

  withTmux('is hung up when its terminal goes: nothing is left', async () => {
    const { base, state } = sandbox.current;
    const shell = await outerShell();
    await shell.line('"$COMPART" run --name hung -- sleep 100');
    await processNamed(base, 'sleep');
    await shell.hangUp();
    await until(
      'its end',
      () => processesBelow(base).length === 0 && !existsSync(`${state}/compartments/hung`),
    );
  });

  requires(
    'groups',
    'tmux',
    'vim',
  )('vim inserts a line and saves the file', async () => {
    const shell = await outerShell();
    writeFileSync(`${sandbox.current.dir}/text`, 'first\n');
    await shell.line(`"$COMPART" run -- ${VIM} -u NONE text; echo "ended-$?"`);
    await shell.shows(/^~$/m);
    await shell.type('osecond line');
    await shell.keys('Escape');
    await shell.line(':wq');
    await shell.shows(/^ended-0$/m);
    expect(readFileSync(`${sandbox.current.dir}/text`, 'utf8')).toBe('first\nsecond line\n');
  });

  requires(
    'groups',
    'tmux',
    'less',
  )('less pages through 200 lines, jumps to the end and quits with q', async () => {
    const shell = await outerShell();
    writeFileSync(
      `${sandbox.current.dir}/long`,
      Array.from({ length: 200 }, (_, line) => `line ${line + 1}\n`).join(''),
    );
    await shell.line('"$COMPART" run -- less long; echo "ended-$?"');
    await shell.shows(/^line 23$/m);
    await shell.keys('Space');
    await shell.shows(/^line 46$/m);
    await shell.keys('G');
    await shell.shows(/^line 200$/m);
    await shell.keys('q');
    await shell.shows(/^ended-0$/m);
  });
});
