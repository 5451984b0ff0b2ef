import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { useGuests, withGuests as it, timed } from '../support/guests.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { MIB, ownLines } from '../support/programs.js';
import { COMPART, useSandbox } from '../support/sandbox.js';
import type { GuestExitRecord } from '../support/guests.js';

const sandbox = useSandbox();
const { boot, last } = useGuests(sandbox);
const sh = (script: string): string[] => ['--', 'sh', '-c', script];
const done = (stdout: string, status = 0): unknown => ({ status, stdout, stderr: '' });

/** bash with the words of a boot in $BOOT: for pipes, closed descriptors and words that are no UTF-8. */
async function viaBash(
  script: string,
): Promise<{ status: number | undefined; stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await execa(
    'bash',
    ['-c', `BOOT=(${[COMPART, 'boot', ...KERNEL_FLAGS, '--mem', '96M'].join(' ')})\n${script}`],
    {
      env: sandbox.current.env,
      cwd: sandbox.current.dir,
      reject: false,
      stdin: 'ignore',
    },
  );
  return { status: exitCode, stdout, stderr };
}

describe('a command in a guest', () => {
  it('runs under a kernel of its own, and its status 7 is that of compart', async () => {
    const { status, stdout, stderr } = await boot(['--mem', '128M', ...sh('uname -r; exit 7')]);
    expect({ status, stderr }).toEqual({ status: 7, stderr: '' });
    expect(stdout).toMatch(/^6\.\d+\.\d+\S*\n$/);
    expect(stdout.trim()).not.toBe(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
  });

  it('python3, node, git and gcc of the host run, and what gcc made runs too', async () => {
    const script = `
      python3 -c 'print(6 * 7)'
      node -p '"no" + "de"'
      git init -q repo && cd repo && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first && git log --format=%s
      echo 'int main(void) { return 42; }' > a.c && gcc -O1 -o a a.c && ./a; echo "a-$?"`;
    const answer = await boot(['--mem', '512M', ...sh(script)], { cwd: sandbox.current.dir });
    expect(answer).toEqual(done('42\nnode\nfirst\na-42\n'));
    expect(readdirSync(sandbox.current.dir)).toEqual(['state']);
  });

  it('and init before it have none of the environment in which their kernel was started', async () => {
    const script = 'env; tr "\\0" "\\n" < /proc/1/environ; cat /proc/*/maps';
    const { status, stdout } = await boot(['--mem', '96M', ...sh(script)]);
    expect(status).toBe(0);
    expect(stdout).not.toMatch(/LD_PRELOAD|TMPDIR=\/tmp$|preload\.so/m);
  });

  it('has the directory, the environment and the umask-free words of the caller', async () => {
    const dir = `${sandbox.current.dir}/a b`;
    mkdirSync(dir);
    writeFileSync(`${dir}/here`, 'seen\n');
    const script = 'pwd; cat here; printf "%s\\n" "$GREETING" "$#" "$2"';
    const answer = await boot(['--mem', '96M', ...sh(script), 'sh', 'a  b', ' "$x" \n*'], {
      cwd: dir,
      env: { GREETING: 'good  day\n=' },
    });
    expect(answer).toEqual(done(`${dir}\nseen\ngood  day\n=\n2\n "$x" \n*\n`));
  });

  it('--workdir, --env and --user decide; a user has the HOME, USER and LOGNAME of its own', async () => {
    const script = 'pwd; id -un; id -gn; printf "%s\\n" "$A" "$HOME" "$USER" "$LOGNAME"; touch /root/x 2>&1';
    const flags = ['--mem', '96M', '--workdir', '/usr', '--env', 'A=1', '--user', 'nobody:daemon'];
    const { stdout, status } = await boot([...flags, ...sh(script)], {
      env: { USER: 'caller', HOME: '/root' },
    });
    expect(stdout).toMatch(
      /^\/usr\nnobody\ndaemon\n1\n\/nonexistent\nnobody\nnobody\ntouch: .*Permission denied\n$/,
    );
    expect(status).toBe(1);
    const asked = await boot([
      '--mem',
      '96M',
      '--user',
      '1234',
      '--env',
      'HOME=/x',
      ...sh('id -u; id -g; echo $HOME'),
    ]);
    expect(asked).toEqual(done('1234\n1234\n/x\n'));
  });

  it('100 MB of random bytes go through cat unchanged', async () => {
    const bytes = randomBytes(100 * MIB);
    const file = `${sandbox.current.dir}/bytes`;
    writeFileSync(file, bytes);
    const wanted = createHash('sha256').update(bytes).digest('hex');
    const { stdout } = await viaBash(`"\${BOOT[@]}" -- cat < ${file} | sha256sum; echo "\${PIPESTATUS[0]}"`);
    expect(stdout).toBe(`${wanted}  -\n0`);
  });

  it('keeps stdout and stderr apart, sees the end of stdin, and starts without any', async () => {
    const script = 'n=$(wc -c); echo "got $n"; echo "odd" >&2';
    expect(await boot(['--mem', '96M', ...sh(script)], { stdin: 'pipe', input: 'x'.repeat(70_000) })).toEqual(
      {
        status: 0,
        stdout: 'got 70000\n',
        stderr: 'odd\n',
      },
    );
    expect(await boot(['--mem', '96M', ...sh('cat; echo end')])).toEqual(done('end\n'));
    const closed = await viaBash(
      '"${BOOT[@]}" -- sh -c "echo out; echo err >&2; exit 3" <&- >&- 2>&-; echo $?',
    );
    expect(closed).toMatchObject({ stdout: '3' });
  });

  it('ends with 141 within 5 s when nobody reads what it writes (yes | head -1)', async () => {
    const { answer, ms } = await timed(viaBash('"${BOOT[@]}" -- yes | head -1; echo "${PIPESTATUS[0]}"'));
    expect(answer).toMatchObject({ stdout: 'y\n141', stderr: '' });
    expect(ms).toBeLessThan(10_000);
  });

  it('has words and variables that are no UTF-8, and 100 KiB of environment', async () => {
    const script = `export ODD=$'a\\xffb'
      "\${BOOT[@]}" -- sh -c 'printf "%s|%s" "$ODD" "$1" | od -An -tx1' sh $'\\xfe\\x80\\xc3'`;
    expect(await viaBash(script)).toMatchObject({ stdout: ' 61 ff 62 7c fe 80 c3', stderr: '' });
    const env = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`VARIABLE_${index}`, 'v'.repeat(1024)]),
    );
    const answer = await boot(['--mem', '96M', ...sh('env | grep ^VARIABLE_ | wc -c')], { env });
    expect(answer).toEqual(
      done(`${Object.entries(env).reduce((sum, [key]) => sum + key.length + 1026, 0)}\n`),
    );
    const long = await boot(['--mem', '96M', ...sh('echo ${#LONG}')], {
      env: { LONG: 'x'.repeat(100 * 1024) },
    });
    expect(long).toEqual(done(`${100 * 1024}\n`));
  });

  it('ends with 127 if it is not found, 126 if it cannot be executed, 125 without its directory', async () => {
    writeFileSync(`${sandbox.current.dir}/plain`, 'no program');
    const cases: Array<[string[], number, RegExp]> = [
      [['--', 'no-such-command'], 127, /^compart: no-such-command: command not found$/],
      [['--', './plain'], 126, /^compart: cannot execute \.\/plain: Permission denied$/],
      [['--workdir', '/no/such', '--', 'true'], 125, /^compart: .*\/no\/such: No such file or directory$/],
      [['--user', 'nobody-such', '--', 'true'], 2, /^compart: --user: no user "nobody-such"/],
    ];
    for (const [args, wanted, line] of cases) {
      const { status, stdout, stderr } = await boot(['--mem', '96M', ...args], { cwd: sandbox.current.dir });
      expect({ args, status, stdout }).toEqual({ args, status: wanted, stdout: '' });
      expect(ownLines(stderr)[0]).toMatch(line);
    }
  });

  it('--timeout 1s ends it with 124 and says so, and --report has the record', async () => {
    const file = `${sandbox.current.dir}/report`;
    const flags = ['--mem', '96M', '--name', 'late', '--report', file, '--timeout', '1s'];
    const { answer, ms } = await timed(boot([...flags, ...sh('echo up; exec sleep 100')]));
    expect(answer).toMatchObject({ status: 124, stdout: 'up\n' });
    expect(answer.stderr).toMatch(/^compart: late: timed out after 1s \(--timeout\)[^\n]*\n$/);
    expect(ms).toBeLessThan(10_000);
    const record = JSON.parse(readFileSync(file, 'utf8')) as GuestExitRecord;
    expect(record).toMatchObject({
      name: 'late',
      verdict: 'timeout',
      command: ['sh', '-c', 'echo up; exec sleep 100'],
    });
    expect(record.stats.vm.peakBytes).toBeGreaterThan(8 * MIB);
    expect(await last()).toEqual(record);
  });

  it('writes nothing back to the host, wherever it writes', async () => {
    const { dir } = sandbox.current;
    writeFileSync(`${dir}/kept`, 'before\n');
    const seen = (): unknown => {
      const { ino, mode, size, mtimeMs, ctimeMs, nlink } = statSync(`${dir}/kept`);
      return { ino, mode, size, mtimeMs, ctimeMs, nlink };
    };
    const before = seen();
    const mark = `/compart-written-${process.pid}`;
    const places = [
      '',
      '/etc',
      '/usr',
      '/usr/local',
      '/var/tmp',
      '/var/log',
      '/root',
      '/home',
      '/tmp',
      '/run',
      '/dev',
      '/opt',
      dir,
    ];
    const script = `
      for place in "$@"; do echo x > "$place${mark}" || exit 9; done
      echo after > kept; chmod 600 kept; ln -s / link; mkdir sub; mv kept sub/; rm -rf /usr/share/doc /etc/hostname
      cat sub/kept`;
    const answer = await boot(['--mem', '192M', ...sh(script), 'sh', ...places], { cwd: dir });
    expect(answer).toEqual(done('after\n'));
    expect(places.filter((place) => existsSync(`${place}${mark}`))).toEqual([]);
    expect(readdirSync(dir).sort()).toEqual(['kept', 'state']);
    expect(readFileSync(`${dir}/kept`, 'utf8')).toBe('before\n');
    expect(seen()).toEqual(before);
    expect(existsSync('/usr/share/doc')).toBe(true);
  });
});

describe('signals to compart boot', () => {
  const { start } = {
    start: (args: string[]) => sandbox.current.start(['boot', ...KERNEL_FLAGS, '--mem', '96M', ...args]),
  };
  const ready = (subprocess: ReturnType<typeof start>): Promise<unknown> =>
    new Promise((resolve) => subprocess.stdout?.once('data', resolve));

  it('TERM, INT, HUP, USR1 reach the command once, whose trap decides the status', async () => {
    const traps =
      'for s in TERM:10 INT:20 HUP:30 USR1:50; do trap "echo ${s%:*}; exit ${s#*:}" ${s%:*}; done';
    const cases = [
      ['SIGTERM', 10],
      ['SIGINT', 20],
      ['SIGHUP', 30],
      ['SIGUSR1', 50],
    ] as const;
    const ends = cases.map(async ([signal]) => {
      const subprocess = start(sh(`${traps}; echo ready; while :; do sleep 0.05; done`));
      await ready(subprocess);
      process.kill(subprocess.pid ?? 0, signal);
      const { exitCode, stdout } = await subprocess;
      return { signal, exitCode, stdout };
    });
    expect(await Promise.all(ends)).toEqual(
      cases.map(([signal, exitCode]) => ({ signal, exitCode, stdout: `ready\n${signal.slice(3)}\n` })),
    );
  });

  it('end a command without a trap: 143 and 130; one that kills itself ends with 128 and its signal', async () => {
    for (const [signal, status] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const subprocess = start(sh('echo ready; exec sleep 100'));
      await ready(subprocess);
      process.kill(subprocess.pid ?? 0, signal);
      expect(await subprocess).toMatchObject({ exitCode: status, stderr: '' });
    }
    expect(await boot(['--mem', '96M', ...sh('kill -SEGV $$')])).toEqual(done('', 139));
    expect(await boot(['--mem', '96M', ...sh('kill -KILL $$')])).toMatchObject({ status: 137 });
  });

  it('TERM at 12 moments of a boot ends within 5 s and leaves nothing', async () => {
    for (let moment = 0; moment < 12; moment += 1) {
      const subprocess = start(['--', 'sleep', '100']);
      await new Promise((resolve) => setTimeout(resolve, 20 + moment * 60));
      const ending = timed(Promise.resolve(subprocess));
      subprocess.kill('SIGTERM');
      const { answer, ms } = await ending;
      expect([143, 'SIGTERM']).toContain(answer.exitCode ?? answer.signal);
      expect(ms).toBeLessThan(5000);
    }
  });
});
