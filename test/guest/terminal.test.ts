import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect } from '@jest/globals';
import { useGuests } from '../support/guests.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { until } from '../support/programs.js';
import { onPath, requires } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';
import { Terminal } from '../support/terminal.js';

const sandbox = useSandbox();
const it = requires('root', 'uml', 'tmux', 'cgroup-memory');
const VIM = onPath('vim.tiny') ? 'vim.tiny' : 'vim';
const BOOT = `"$COMPART" boot ${KERNEL_FLAGS.join(' ')} --mem 128M`;
const BASH = `--env PS1='inner> ' -- bash --norc --noprofile`;
/** A guest boots meanwhile. */
const PATIENCE_MS = 20_000;

let terminal: Terminal | null = null;
afterEach(async () => {
  await terminal?.close();
  terminal = null;
});
const { detach, remove, sh, last } = useGuests(sandbox);

/** An interactive bash on the host, prompt `outer> `, and how its terminal is set. */
async function outerShell(): Promise<{ shell: Terminal; restored: (status: number) => Promise<void> }> {
  const { env, dir } = sandbox.current;
  const variables = { ...env, COMPART, PS1: 'outer> ', TERM: 'screen', HISTFILE: '', BASH_SILENCE: '1' };
  const shell = await Terminal.open(['bash', '--norc', '--noprofile'], { env: variables, cwd: dir });
  terminal = shell;
  await shell.shows(/^outer>$/m);
  await shell.line('before=$(stty -g)');
  return {
    shell,
    restored: async (status) => {
      await shell.line('echo "left-$? $([ "$(stty -g)" = "$before" ] && echo same || stty -a)"');
      await shell.shows(new RegExp(`^left-${status} same$`, 'm'), PATIENCE_MS);
    },
  };
}

async function innerShell(): ReturnType<typeof outerShell> {
  const outer = await outerShell();
  await outer.shell.line(`${BOOT} --name inner ${BASH}`);
  await outer.shell.shows(/^inner>$/m, PATIENCE_MS);
  return outer;
}

describe('an interactive bash in a guest', () => {
  it('has a terminal of its own with job control, 24 by 80, and 30 by 100 when the window is', async () => {
    const { shell, restored } = await innerShell();
    expect(await shell.screen()).not.toMatch(/no job control|Inappropriate ioctl/);
    await shell.line('echo "tty-$(tty) $(stty size) $TERM"');
    await shell.shows(/^tty-\/dev\/pts\/\d+ 24 80 (screen|tmux)\S*$/m);
    await shell.resize(100, 30);
    await until('the new size', async () => {
      await shell.line('echo "now-$(stty size)"');
      return /^now-30 100$/m.test(await shell.screen());
    });
    await shell.line('exit 3');
    await shell.shows(/^outer>$/m, PATIENCE_MS);
    await restored(3);
  });

  it('lives on at Ctrl-C, which ends its sleep with 130; Ctrl-Z stops a job, fg goes on with it; Ctrl-D ends the shell', async () => {
    const { shell, restored } = await innerShell();
    await shell.line('sleep 100');
    await until('the sleep', async () => (await sh('inner', 'ps ax')).includes('sleep 100'));
    await shell.keys('C-c');
    await shell.line('echo "slept-$?"');
    await shell.shows(/^slept-130$/m);
    await shell.line('cat');
    await shell.line('one');
    await shell.shows(/^one\none$/m);
    await shell.keys('C-z');
    await shell.shows(/\[1\]\+\s+Stopped\s+cat/);
    await shell.line('fg');
    await shell.line('two');
    await shell.shows(/^two\ntwo$/m);
    await shell.keys('C-d');
    await shell.line('echo "cat-$?"');
    await shell.shows(/^cat-0$/m);
    await shell.keys('C-d');
    await shell.shows(/exit\nouter>/, PATIENCE_MS);
    await restored(0);
  });

  it('vim inserts, follows the window from 80x24 to 100x30, and saves; the screen is given back', async () => {
    const { shell, restored } = await innerShell();
    await shell.line(`echo first > /tmp/text; ${VIM} -u NONE /tmp/text`);
    await shell.shows(/^first\n~/m);
    await shell.resize(100, 30);
    await until('30 lines', async () => ((await shell.screen()).match(/^~$/gm) ?? []).length === 28);
    await shell.type('osecond line');
    await shell.keys('Escape');
    await shell.line(':wq');
    await shell.line('cat /tmp/text; exit 0');
    await shell.shows(/^first\nsecond line$/m);
    await shell.shows(/^outer>$/m, PATIENCE_MS);
    await restored(0);
  });
});

describe('the terminal of the caller is as it was', () => {
  it('after a boot that fails, a command that is not there, a panic and a --timeout', async () => {
    const { shell, restored } = await outerShell();
    await shell.line(`${BOOT} -- no-such-command`);
    await shell.shows(/command not found/, PATIENCE_MS);
    await restored(127);
    await shell.line(`clear; ${BOOT} -- sh -c 'stty raw; echo c > /proc/sysrq-trigger; sleep 9'`);
    await shell.shows(/kernel panicked/, PATIENCE_MS);
    await restored(125);
    await shell.line(`clear; ${BOOT} --timeout 1s -- cat`);
    await shell.shows(/timed out after 1s/, PATIENCE_MS);
    await restored(124);
  });

  it('after Ctrl-C at a command without a shell: 130', async () => {
    const { shell, restored } = await outerShell();
    await shell.line(`${BOOT} -- sh -c 'echo "ready-$((1 + 1))"; exec sleep 100'`);
    await shell.shows(/^ready-2$/m, PATIENCE_MS);
    await shell.keys('C-c');
    await shell.shows(/^\^Couter>/m, PATIENCE_MS);
    await restored(130);
  });

  it('after KILL of compart itself, of the keeper, and of the client of an exec', async () => {
    const { shell, restored } = await outerShell();
    const kill = async (program: string): Promise<void> => {
      const pid = await until(program, () => {
        const { stdout } = spawnSync('pgrep', ['-o', '-f', program], { encoding: 'utf8' });
        return stdout === '' ? null : Number(stdout);
      });
      process.kill(pid, 'SIGKILL');
    };
    for (const [name, victim] of [
      ['front', 'bin/compart boot .*--name front-'],
      ['keeper', 'compart-guest boot .*/keeper-'],
    ] as const) {
      const whole = `${name}-${process.pid}`;
      await shell.line(`clear; ${BOOT} --name ${whole} ${BASH}`);
      await shell.shows(/^inner>$/m, PATIENCE_MS);
      await kill(victim);
      await shell.shows(/outer>\s*$/, PATIENCE_MS);
      await restored(137);
      await sandbox.current.compart(['gc']);
      await until('its end', async () => (await sandbox.current.json<unknown[]>(['ps'])).length === 0);
    }
    await detach('stays', '--mem', '96M');
    await shell.line(`clear; "$COMPART" exec --workdir / stays -- env PS1='inner> ' bash --norc --noprofile`);
    await shell.shows(/^inner>$/m, PATIENCE_MS);
    await kill(`compart-guest exec .*${sandbox.current.state}`);
    await shell.shows(/outer>\s*$/, PATIENCE_MS);
    await restored(137);
    await remove('stays');
  });
});

describe('compart console', () => {
  it('shows tty1 after Enter, leaves with Ctrl-], and finds the same shell again', async () => {
    await detach('vm', '--mem', '96M');
    const { shell, restored } = await outerShell();
    await shell.line('"$COMPART" console vm');
    await until('a prompt', async () => {
      await shell.keys('Enter');
      return /^[^\n]*# *$/m.test(await shell.screen());
    });
    await shell.line('kept=4; echo "tty-$(tty)"');
    await shell.shows(/^tty-\/dev\/tty1$/m);
    await shell.keys('C-]');
    await shell.shows(/^outer>$/m);
    await restored(0);
    await shell.line('clear; "$COMPART" console vm');
    await until('the shell', async () => {
      await shell.line('echo "again-$((kept + 1))"');
      return /^again-5$/m.test(await shell.screen());
    });
    await shell.keys('C-]');
    await restored(0);
    await remove('vm');
    expect((await last()).name).toBe('vm');
  });

  it('is one’s alone: a second caller is refused; it ends when the guest does', async () => {
    await detach('vm', '--mem', '96M');
    const { shell } = await outerShell();
    await shell.line('clear; "$COMPART" console vm');
    await until('a prompt', async () => {
      await shell.keys('Enter');
      return /# *$/m.test(await shell.screen());
    });
    const second = await sandbox.current.compart(['console', 'vm']);
    expect(second.status).toBe(125);
    expect(second.stderr).toMatch(/^compart: /);
    await remove('vm');
    await shell.shows(/^outer>$/m, PATIENCE_MS);
    await shell.line('echo "left-$? $([ "$(stty -g)" = "$before" ] && echo same)"');
    await shell.shows(/^left-\d+ same$/m);
  });
});
