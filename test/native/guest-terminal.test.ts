import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { Terminal } from '../support/terminal.js';
import { Folder, GUEST } from './keeper.js';

const withTerminals = requires('root', 'uml', 'ldd', 'tmux');

let folder: Folder;
beforeAll(async () => {
  folder = new Folder();
  if (withTerminals === (it.skip as typeof it)) return;
  await folder.up();
});
afterAll(() => folder.clear());

/** A shell of the host on a terminal, for what a shell does with its jobs; $G is the program, $D the folder. */
async function withShell(use: (terminal: Terminal) => Promise<void>): Promise<void> {
  const env = { G: GUEST, D: folder.state, PS1: 'host> ' };
  const terminal = await Terminal.open(['bash', '--norc', '--noprofile', '-i'], { env, cwd: '/' });
  try {
    await terminal.shows(/host>$/m);
    await use(terminal);
  } finally {
    await terminal.close();
  }
}

/** Is a process of these words in the guest, and in which state? Empty for none. */
async function state(words: string): Promise<string> {
  const script = `for p in $(pgrep -fx '${words}'); do cut -d' ' -f3 /proc/$p/stat; done`;
  return (await folder.run(['sh', '-c', script])).stdout.toString().trim();
}

describe('a command of a guest on a terminal', () => {
  withTerminals('has one of its own, of 80 by 24, that is resized with the caller’s to 100 by 30', async () => {
    await withShell(async (terminal) => {
      await terminal.line('$G exec $D -- sh -c \'stty size; tty; read line; stty size; echo "$TERM"\'');
      await terminal.shows(/^24 80\n\/dev\/pts\/\d+$/m);
      await terminal.resize(100, 30);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await terminal.keys('Enter');
      await terminal.shows(/^30 100\n(screen|tmux)/m);
    });
  });

  withTerminals('Ctrl-C is its terminal’s: it ends with 130, and the caller’s is as it was', async () => {
    await withShell(async (terminal) => {
      await terminal.line('stty -g > $D/before; $G exec $D -- sh -c "echo there; sleep 60"');
      await terminal.shows(/^there$/m);
      await terminal.keys('C-c');
      await terminal.shows(/\^Chost>$/m);
      await terminal.line('echo "status $?"; stty -g | cmp - $D/before && echo same');
      await terminal.shows(/^status 130\nsame$/m);
    });
  });

  withTerminals('with --tty no Ctrl-Z stops it in the guest too, and fg lets both go on', async () => {
    await withShell(async (terminal) => {
      await terminal.line('$G exec --tty no $D -- sleep 7');
      await until('the command', async () => (await state('sleep 7')) === 'S');
      await terminal.keys('C-z');
      await terminal.shows(/Stopped/);
      await until('a stopped command', async () => (await state('sleep 7')) === 'T');
      await terminal.line('fg');
      await until('a command that goes on', async () => (await state('sleep 7')) === 'S');
      await terminal.shows(/sleep 7\nhost>$/m);
      await terminal.line('echo "status $?"');
      await terminal.shows(/^status 0$/m);
    });
  });

  withTerminals('in the background it reads nothing and is not stopped; brought to the front, it reads', async () => {
    await withShell(async (terminal) => {
      await terminal.line('$G exec --tty no $D -- cat &');
      await until('the command', async () => (await state('cat')) !== '');
      await terminal.line('echo for the shell');
      await terminal.shows(/^for the shell$/m);
      await terminal.line('jobs');
      await terminal.shows(/Running/);
      await terminal.line('fg');
      await terminal.line('for cat');
      await terminal.shows(/^for cat\nfor cat$/m);
      await terminal.keys('C-d');
      await terminal.line('echo "status $?"');
      await terminal.shows(/^status 0$/m);
    });
  });

  withTerminals('the caller’s terminal closed, its command is hung up within 5 s', async () => {
    await withShell(async (terminal) => {
      await terminal.line('$G exec $D -- sleep 4321');
      await until('the command', async () => (await state('sleep 4321')) !== '');
      await terminal.hangUp();
      await until('its end', async () => (await state('sleep 4321')) === '', 5000);
    });
  });
});

describe('compart-guest console', () => {
  withTerminals('is the guest’s tty1, for one at a time; Ctrl-] leaves it and the shell stays', async () => {
    await withShell(async (terminal) => {
      await terminal.line('$G console $D');
      await terminal.shows(/Ctrl-\] leaves it/);
      await terminal.keys('Enter');
      await terminal.shows(/#$/m);
      await terminal.line('tty; kept=42');
      await terminal.shows(/^\/dev\/tty1$/m);
      const second = folder.start(['console', folder.state]);
      expect(await second.ended).toMatchObject({ code: 125, stderr: 'compart: somebody else is at the console\n' });
      await terminal.keys('C-]');
      await terminal.shows(/the console was left/);
      await terminal.line('clear; $G console $D --escape a');
      await terminal.shows(/Ctrl-A leaves it/);
      await terminal.line('echo "kept $kept"');
      await terminal.shows(/^kept 42$/m);
      await terminal.keys('C-a');
      await terminal.shows(/the console was left/);
    });
  });

  withTerminals('takes 8 KiB pasted at once, and what is typed after it', async () => {
    const paste = folder.start(['console', folder.state]);
    await until('the console', () => paste.stderr.includes('leaves it'));
    paste.child.stdin?.write('\nstty -echo\n');
    await until('a shell', () => paste.stdout.includes('stty'));
    for (let i = 0; i < 128; i++) paste.child.stdin?.write(`n=${String(i).padStart(60, '0')};\n`);
    paste.child.stdin?.write('stty echo; echo "last $n"\n');
    await until('the last line', () => /last 0+127/.test(paste.stdout), 10_000);
    paste.child.stdin?.write('exit\n\x1d');
    expect((await paste.ended).code).toBe(0);
  });
});
