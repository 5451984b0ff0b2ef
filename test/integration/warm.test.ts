import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { encodeFrame } from '../../src/host/frame.js';
import { PYTHON, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, groupsBelow, useSandbox } from '../support/sandbox.js';
import {
  gone,
  startService,
  startWith,
  stateOf,
  statusOf,
  stopService,
  tell,
  type Status,
} from '../support/service.js';

// Before the sandbox is taken away: hooks run in this order.
afterEach(() => stopService(sandbox.current));
const sandbox = useSandbox();
const withGroups = requires('groups');
const withRoot = requires('root');
let service: Status;

beforeEach(async () => {
  service = await startService(sandbox.current);
});

/** Bound by root and listened on by another user, whose credentials a peer sees; says what it is told first. */
const STRANGER = `
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
os.setuid(65534)
server.listen()
print('ready', flush=True)
print(server.accept()[0].recv(100))
`;

const compartments = (): string[] => readdirSync(`${sandbox.current.state}/compartments`);
const nothingLeft = (): Promise<unknown> =>
  until('nothing is left', () => compartments().length + groupsBelow(sandbox.current.base).length === 0);

/** A command that has begun when its compartment has a second record, with its process in it. */
async function startSleeping(): Promise<{ run: ReturnType<typeof startWith> }> {
  const run = startWith(
    sandbox.current,
    [],
    ['run', '--name', 'asleep', '--mem', '64M', '--', 'sleep', '600'],
  );
  await until('it runs', async () => {
    const [one] = await sandbox.current.json<Array<{ state: string; pid: number | null }>>(['ps']);
    return one?.state === 'running' && one.pid !== null;
  });
  return { run };
}

describe('compart run with a service', () => {
  withGroups('is planned for by it: the front has no child but the command', async () => {
    const { stdout } = await sandbox.current.compart(['run', '--', 'sh', '-c', 'ps -o comm= --ppid $PPID']);
    expect(stdout).toBe('sh\n');
    expect(await statusOf(sandbox.current)).toMatchObject({ pid: service.pid, planned: 1, declined: 0 });
  });

  withGroups('has relative paths begin where the caller is, and its environment count', async () => {
    const { dir } = sandbox.current;
    mkdirSync(`${dir}/here`);
    const answer = await sandbox.current.compart(
      ['run', '--report', 'report.json', '--workdir', '..', '--', 'sh', '-c', 'pwd; echo $SAID'],
      { cwd: `${dir}/here`, env: { SAID: 'hello' } },
    );
    expect(answer).toEqual({ status: 0, stdout: `${dir}\nhello\n`, stderr: '' });
    expect(readdirSync(`${dir}/here`)).toEqual(['report.json']);
    expect(await statusOf(sandbox.current)).toMatchObject({ planned: 1 });
  });

  withGroups('cannot leave the limits of a compartment that the caller is in', async () => {
    const inner = ['sh', '-c', '"$0" run -- true', COMPART];
    const { status, stderr } = await sandbox.current.compart(['run', '--name', 'outer', '--', ...inner]);
    expect(status).toBe(125);
    expect(stderr).toContain('this process runs in compartment "outer" already');
    expect(await statusOf(sandbox.current)).toMatchObject({ planned: 2 });
  });

  withGroups('100 at once: none fails, nothing is left', async () => {
    const runs = Array.from({ length: 100 }, (_, index) =>
      sandbox.current.compart(['run', '--mem', '64M', '--', 'sh', '-c', `exit ${index}`]),
    );
    const ends = await Promise.all(runs);
    expect(ends.map(({ status }) => status)).toEqual(runs.map((_, index) => index));
    expect(ends.filter(({ stderr }) => stderr !== '')).toEqual([]);
    await nothingLeft();
  });
});

describe('A caller that lives elsewhere is left to a planner of its own, with the same result', () => {
  type Way = readonly [string, string[], string[], number];
  const OF_ROOT: readonly Way[] = [
    ['a mount namespace of its own', ['unshare', '--mount'], [], 1],
    ['a UTS namespace of its own', ['unshare', '--uts'], [], 1],
    ['one capability less', ['setpriv', '--bounding-set=-sys_time', '--inh-caps=-sys_time'], [], 1],
    ['another group', ['setpriv', '--groups=4242'], [], 1],
  ];
  const WAYS: readonly Way[] = [
    ['another umask', ['sh', '-c', 'umask 077; exec "$0" "$@"'], [], 1],
    ['a limit on the size of files', ['prlimit', '--fsize=1000000000'], [], 1],
    ['COMPART_PLANNER=cold', ['env', 'COMPART_PLANNER=cold'], [], 0],
    ['COMPART_PLANNER=node', ['env', 'COMPART_PLANNER=node'], [], 0],
    ['a bus of its own', ['env', 'DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere'], [], 1],
    ['a command that outlives the front', [], ['-d', '--name', 'away'], 1],
  ];
  const declines = async (...[, words, flags, declined]: Way): Promise<void> => {
    const ended = await startWith(sandbox.current, words, ['run', ...flags, '--', 'true']);
    expect({ exitCode: ended.exitCode, stderr: ended.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await statusOf(sandbox.current)).toMatchObject({ planned: 0, declined });
    await nothingLeft();
  };
  withGroups.each(WAYS)('%s', declines);
  withRoot.each(OF_ROOT)('%s', declines);

  withGroups('one whose service stands still is gone around', async () => {
    process.kill(service.pid, 'SIGSTOP');
    const answer = await sandbox.current.compart(['run', '--', 'echo', 'there']);
    process.kill(service.pid, 'SIGCONT');
    expect(answer).toEqual({ status: 0, stdout: 'there\n', stderr: '' });
    await until('it has seen that nobody waits', async () => (await statusOf(sandbox.current)).running === 0);
    await nothingLeft();
  });

  withRoot('one where another user listens, who is told nothing', async () => {
    await stopService(sandbox.current);
    const path = `${sandbox.current.state}/warm.sock`;
    const server = execa(PYTHON, ['-c', STRANGER, path], { reject: false });
    await once(server.stdout, 'data');
    const { stdout } = await startWith(sandbox.current, [], ['run', '--', 'echo', 'there']);
    expect({ stdout, heard: (await server).stdout }).toEqual({ stdout: 'there', heard: "ready\nb''" });
    rmSync(path, { force: true });
  });
});

describe('The service survives', () => {
  const GARBAGE: ReadonlyArray<readonly [string, Buffer]> = [
    ['nothing but zeros', Buffer.alloc(4096)],
    ['a frame of 4 GiB', Buffer.alloc(64, 0xff)],
    ['a frame of an unknown kind', encodeFrame('Z', 'what')],
    ['an empty hello', encodeFrame('H')],
    ['a hello of 100 kB of NULs', encodeFrame('H', Buffer.alloc(100_000))],
    ['a question that nobody knows', encodeFrame('Q', 'secrets')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n')],
    ['half a frame', encodeFrame('H', 'compart-warm/1').subarray(0, 9)],
  ];
  withGroups.each(GARBAGE)('%s', async (_what, bytes) => {
    const answer = await tell(sandbox.current, bytes);
    expect(answer).not.toMatch(/[aE]$/);
    const { status } = await sandbox.current.compart(['run', '--', 'true']);
    expect({ status, pid: (await statusOf(sandbox.current)).pid }).toEqual({ status: 0, pid: service.pid });
  });

  withGroups('clients that are killed at any moment: it takes their compartments away itself', async () => {
    for (let step = 0; step < 24; step += 1) {
      const run = startWith(sandbox.current, [], ['run', '--mem', '64M', '--', 'sleep', '600']);
      await delay(step);
      run.kill('SIGKILL');
      await run;
    }
    await nothingLeft();
    expect(await statusOf(sandbox.current)).toMatchObject({ pid: service.pid, running: 0 });
  });

  withGroups('a client that is killed while its command runs: the command goes with it', async () => {
    const { run } = await startSleeping();
    run.kill('SIGKILL');
    await run;
    await nothingLeft();
    expect(stateOf(service.pid)).not.toBeNull();
  });
});

describe('A service that is killed', () => {
  withGroups('while a command runs ends it, with 125, and gc leaves nothing', async () => {
    const { run } = await startSleeping();
    process.kill(service.pid, 'SIGKILL');
    const { exitCode, stderr } = await run;
    expect({ exitCode, stderr }).toEqual({
      exitCode: 125,
      stderr: 'compart: the planner ended; compart gc removes what is left',
    });
    await sandbox.current.compart(['gc']);
    await nothingLeft();
  });

  withGroups('at any moment leaves fronts that end, and gc leaves nothing', async () => {
    for (let step = 0; step < 8; step += 1) {
      const runs = Array.from({ length: 4 }, () =>
        startWith(sandbox.current, [], ['run', '--mem', '64M', '--', 'true']),
      );
      await delay(step * 4);
      process.kill(service.pid, 'SIGKILL');
      for (const { exitCode } of await Promise.all(runs)) expect([0, 125]).toContain(exitCode);
      await gone(service.pid);
      service = await startService(sandbox.current);
    }
    await sandbox.current.compart(['gc']);
    await nothingLeft();
  });
});

describe('compart warm', () => {
  withGroups('twice is one service; --foreground beside it is refused', async () => {
    expect((await startService(sandbox.current)).pid).toBe(service.pid);
    const { status, stderr } = await sandbox.current.compart(['warm', '--foreground', '--json']);
    expect(status).toBe(125);
    expect(stderr).toContain('ERR_COMPART_EXISTS');
  });

  withGroups('--stop ends it, and --status has 1 then', async () => {
    expect((await sandbox.current.compart(['warm', '--stop'])).status).toBe(0);
    await gone(service.pid);
    expect(await sandbox.current.compart(['warm', '--status'])).toMatchObject({
      status: 1,
      stdout: 'no service runs\n',
    });
    expect(readdirSync(sandbox.current.state)).not.toContain('warm.sock');
  });

  withGroups('--stop lets a command that it planned for come to its end', async () => {
    const run = startWith(sandbox.current, [], ['run', '--', 'sh', '-c', 'echo begun; sleep 1; exit 7']);
    await until('it runs', async () => (await statusOf(sandbox.current)).running === 1);
    await sandbox.current.compart(['warm', '--stop']);
    expect((await run).exitCode).toBe(7);
    await gone(service.pid);
  });

  withGroups('--idle 3s ends by itself, but not while a command runs', async () => {
    await stopService(sandbox.current);
    const { pid } = await startService(sandbox.current, '--idle', '3s');
    const script = `sleep 4; kill -0 ${pid} && echo up`;
    expect(await sandbox.current.compart(['run', '--', 'sh', '-c', script])).toMatchObject({
      stdout: 'up\n',
    });
    await gone(pid);
    expect(readdirSync(sandbox.current.state)).not.toContain('warm.sock');
  });

  withGroups('is seen by its user alone: socket 0600, folder 0700', () => {
    const modeOf = (path: string): number => statSync(path).mode & 0o777;
    const { state } = sandbox.current;
    expect([modeOf(state), modeOf(`${state}/warm.sock`)]).toEqual([0o700, 0o600]);
  });
});
