import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { PLANNER, ROOT } from '../support/planner.js';
import { runs, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { type Answer, COMPART, processesBelow, useSandbox } from '../support/sandbox.js';
import { processNamed, Terminal } from '../support/terminal.js';

const sandbox = useSandbox();
const withRoot = requires('root');
const withTmux = requires('root', 'tmux');

/** A script for sh with bin/compart in $COMPART. */
async function sh(script: string, env: Record<string, string> = {}): Promise<Answer> {
  const all = { ...sandbox.current.env, COMPART, ...env };
  const { exitCode, stdout, stderr } = await execa('sh', ['-c', script], {
    env: all,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
  });
  return { status: exitCode ?? -1, stdout, stderr };
}

/** The process of this name whose parent is `parent`. */
function childNamed(parent: number, name: string): number | null {
  for (const entry of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      if (stat.includes(`(${name})`) && / . (\d+) /.exec(stat)?.[1] === String(parent)) return Number(entry);
    } catch {
      // It ended meanwhile.
    }
  }
  return null;
}

/** Never 0: a signal to that would be one to the tests themselves. */
function plannerOf(front: number | undefined): number {
  const pid = front === undefined ? null : childNamed(front, PLANNER);
  if (pid === null) throw new Error(`no ${PLANNER} below ${String(front)}`);
  return pid;
}

describe('what the front hands on to the command', () => {
  withRoot('an ignored SIGHUP stays ignored: nohup holds for the command and for compart', async () => {
    const inner = `grep SigIgn /proc/self/status; kill -HUP $PPID; sleep 0.2; kill -HUP $$; echo alive`;
    const { status, stdout } = await sh(`trap '' HUP; exec "$COMPART" run -- sh -c '${inner}'`);
    expect(status).toBe(0);
    expect(Number.parseInt(/SigIgn:\s+([0-9a-f]+)/.exec(stdout)?.[1] ?? '0', 16) & 1).toBe(1);
    expect(stdout).toMatch(/alive\n$/);
  });

  withRoot('descriptor 5 reaches the command, and neither the socket nor anything else of compart does', async () => {
    const listing = async (before: string): Promise<string> =>
      (await sh(`exec 5<<END\nfrom five\nEND\n${before} sh -c 'cat <&5; ls /proc/$$/fd'`)).stdout;
    const inside = await listing('"$COMPART" run --');
    expect(inside).toMatch(/^from five\n(.*\n)*5\n/);
    expect(inside).toBe(await listing(''));
  });

  withRoot('the process group and the session of the caller', async () => {
    const ids = `cut -d ' ' -f 5,6 /proc/self/stat`;
    const { stdout } = await sh(`${ids}; "$COMPART" run -- ${ids}`);
    const [outside, inside] = stdout.split('\n');
    expect(inside).toBe(outside);
  });

  withRoot('no COMPART_FRONT, its own or a stranger’s; NODE_EXTRA_CA_CERTS, which the planner goes without', async () => {
    const env = { COMPART_FRONT: '7', NODE_EXTRA_CA_CERTS: '/no/such/file' };
    const { stdout, stderr } = await sh(`"$COMPART" run -- env`, env);
    const names = stdout.split('\n').filter((line) => /^(COMPART_FRONT|NODE_EXTRA_CA_CERTS)=/.test(line));
    expect({ names, stderr }).toEqual({ names: ['NODE_EXTRA_CA_CERTS=/no/such/file'], stderr: '' });
  });

  withRoot('arguments that are no UTF-8, byte for byte', async () => {
    const { stdout } = await sh(`"$COMPART" run -- printf '%s' "$(printf 'a\\377\\376b')" | od -An -tx1`);
    expect(stdout).toBe(' 61 ff fe 62\n');
  });
});

describe('signals to the front', () => {
  const COUNT = 'trap "echo int >> noted" INT\necho "ready-$((1 + 1))"\nfor i in 1 2 3 4 5 6 7 8; do sleep 0.1; done\n';
  let terminal: Terminal | null = null;
  afterEach(async () => {
    await terminal?.close();
    terminal = null;
  });

  async function counting(): Promise<Terminal> {
    const { env, dir } = sandbox.current;
    writeFileSync(`${dir}/count.sh`, COUNT);
    const variables = { ...env, COMPART, PS1: 'outer> ', TERM: 'screen', HISTFILE: '' };
    terminal = await Terminal.open(['bash', '--norc', '--noprofile'], { env: variables, cwd: dir });
    await terminal.line('"$COMPART" run -- bash count.sh; echo "ended-$?"');
    await terminal.shows(/^ready-2$/m);
    return terminal;
  }

  withTmux('Ctrl-C reaches the command once', async () => {
    const shell = await counting();
    await shell.keys('C-c');
    await shell.shows(/ended-0$/m);
    expect(readFileSync(`${sandbox.current.dir}/noted`, 'utf8')).toBe('int\n');
  });

  withTmux('kill -INT of a front in the foreground of a terminal is handed on once', async () => {
    const shell = await counting();
    const command = await processNamed(sandbox.current.base, 'bash');
    const front = Number(/ . (\d+) /.exec(readFileSync(`/proc/${command}/stat`, 'latin1'))?.[1]);
    process.kill(front, 'SIGINT');
    await shell.shows(/ended-0$/m);
    expect(readFileSync(`${sandbox.current.dir}/noted`, 'utf8')).toBe('int\n');
  });

  withRoot('SIGTERM before the planner has done anything ends a command of 100 s with 143', async () => {
    const subprocess = sandbox.current.start(['run', '--', 'sleep', '100']);
    const front = subprocess.pid ?? 0;
    await until('the planner', () => childNamed(front, PLANNER));
    process.kill(front, 'SIGTERM');
    expect((await subprocess).exitCode).toBe(143);
  });
});

describe('an end of one of the two', () => {
  withRoot('the planner killed: the command dies, status 125, and gc removes the rest', async () => {
    const { base, compart, start } = sandbox.current;
    const subprocess = start(['run', '--name', 'orphan', '--', 'sleep', '100']);
    const command = await processNamed(base, 'sleep');
    process.kill(plannerOf(subprocess.pid), 'SIGKILL');
    const { exitCode, stderr } = await subprocess;
    expect({ exitCode, stderr }).toEqual({ exitCode: 125, stderr: 'compart: the planner ended; compart gc removes what is left\n' });
    await until('its end', () => !runs(command));
    expect((await compart(['gc'])).stdout).toBe('orphan\n');
  });

  withRoot('the front killed: the planner dies at once, and gc ends the command', async () => {
    const { base, compart, start } = sandbox.current;
    const subprocess = start(['run', '--name', 'orphan', '--', 'sleep', '100'], { stdout: 'ignore', stderr: 'ignore' });
    const command = await processNamed(base, 'sleep');
    const planner = plannerOf(subprocess.pid);
    subprocess.kill('SIGKILL');
    await subprocess;
    await until('its end', () => !runs(planner));
    expect((await compart(['gc'])).stdout).toBe('orphan\n');
    expect(runs(command)).toBe(false);
    expect(processesBelow(base)).toEqual([]);
  });

  withRoot('--timeout 300ms: TERM to all, 124; what does not heed it is killed 5 s later', async () => {
    const started = Date.now();
    const heeding = await sandbox.current.compart(['run', '--timeout', '300ms', '--', 'sleep', '100']);
    expect(heeding.status).toBe(124);
    expect(Date.now() - started).toBeLessThan(4000);
    const script = 'trap "" TERM; while :; do sleep 0.1; done';
    const deaf = await sandbox.current.compart(['run', '--timeout', '300ms', '--', 'sh', '-c', script]);
    expect(deaf.status).toBe(124);
    expect(Date.now() - started).toBeGreaterThan(5300);
  });
});

describe('bin/compart', () => {
  withRoot('works through two symbolic links, relative and absolute', async () => {
    const { dir } = sandbox.current;
    symlinkSync(COMPART, `${dir}/first`);
    symlinkSync('first', `${dir}/second`);
    const { status, stdout } = await sh(`cd "${dir}" && ./second run -- echo linked`);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'linked\n' });
  });

  withRoot('is the front itself, with no process between', async () => {
    expect(realpathSync(COMPART)).toBe(`${ROOT}/native/build/compart`);
    const { stdout } = await sh(`"$COMPART" run -- sh -c 'tr "\\0" " " < /proc/$PPID/cmdline'`);
    expect(stdout.split(' ').slice(0, 2)).toEqual([COMPART, 'run']);
  });

  withRoot('of the npm package does without the front where there is none', async () => {
    const { dir } = sandbox.current;
    for (const folder of ['bin', 'native/build']) mkdirSync(`${dir}/${folder}`, { recursive: true });
    for (const file of ['bin/compart.js', 'bin/package.json', 'native/build/compart-launch'])
      copyFileSync(`${ROOT}/${file}`, `${dir}/${file}`);
    copyFileSync(`${ROOT}/packaging/compart`, `${dir}/bin/compart`);
    symlinkSync(`${ROOT}/dist`, `${dir}/dist`);
    const { status, stdout, stderr } = await sh(`"${dir}/bin/compart" run -- sh -c 'ps -o comm= -p $PPID; exit 6'`);
    expect({ status, stdout, stderr }).toEqual({ status: 6, stdout: 'node\n', stderr: '' });
  });

  withRoot('without Node on the PATH says so where it is Node that plans: 125', async () => {
    const { status, stdout, stderr } = await sh(`PATH=/nowhere COMPART_PLANNER=node exec "$COMPART" run -- /bin/true`);
    expect({ status, stdout, stderr }).toEqual({ status: 125, stdout: '', stderr: 'compart: node: not found\n' });
  });

  withRoot('a run loads none of the modules that take Node milliseconds', async () => {
    const { dir } = sandbox.current;
    const hook = `${dir}/hook.cjs`;
    const list = 'JSON.stringify(process.moduleLoadList)';
    writeFileSync(hook, `process.on('exit', () => require('fs').writeFileSync('${dir}/modules', ${list}));`);
    const flags = ['--mem', '64M', '--cpu', '50%', '--pids', '100'];
    const env = { NODE_OPTIONS: `--require ${hook}`, COMPART_PLANNER: 'node' };
    await sandbox.current.compart(['run', ...flags, '--', 'true'], { env });
    expect(existsSync(`${dir}/modules`)).toBe(true);
    const loaded = JSON.parse(readFileSync(`${dir}/modules`, 'utf8')) as string[];
    const slow = ['child_process', 'net', 'crypto', 'stream', 'timers/promises', 'module', 'internal/modules/esm/loader'];
    expect(loaded.filter((name) => slow.includes(name.replace('NativeModule ', '')))).toEqual([]);
  });
});
