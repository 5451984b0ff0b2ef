import { chownSync, mkdirSync } from 'node:fs';
import { execa, type Options } from 'execa';
import { AS_USER, delegate, runningAs, settle, takeBack, UID } from './ordinary-user.js';
import { KERNEL_FLAGS } from './kernels.js';
import { until } from './programs.js';
import { requires } from './requires.js';
import { COMPART, type Answer, type Sandbox } from './sandbox.js';

/** Who calls compart in a test, with a folder that is theirs. */
export interface Caller {
  uid: number;
  dir: string;
  env: Record<string, string>;
  compart: (args: readonly string[], options?: Options) => Promise<Answer>;
  /** Boots a guest of 96 MiB for a line of its shell, and waits. */
  boot: (flags: readonly string[], script: string, options?: Options) => Promise<Answer>;
  /** Boots a guest that stays. */
  detach: (name: string, flags: readonly string[]) => Promise<void>;
  /** What a shell in it prints; fails if its status is not 0. */
  sh: (name: string, script: string) => Promise<string>;
}

function callerWith(argv: readonly string[], own: Pick<Caller, 'uid' | 'dir' | 'env'>): Caller {
  const compart: Caller['compart'] = async (args, options = {}) => {
    const [file = '', ...rest] = [...argv, ...args];
    const { exitCode, signal, stdout, stderr } = await execa(file, rest, {
      reject: false,
      stdin: 'ignore',
      stripFinalNewline: false,
      cwd: own.dir,
      ...options,
      env: { ...own.env, ...options.env },
    });
    if (exitCode === undefined) throw new Error(`compart ${args.join(' ')} ended by ${String(signal)}`);
    return { status: exitCode, stdout: String(stdout ?? ''), stderr: String(stderr ?? '') };
  };
  const memory = ['--mem', '96M'];
  return {
    ...own,
    compart,
    boot: (flags, script, options) =>
      compart(['boot', ...KERNEL_FLAGS, ...memory, ...flags, '--', 'sh', '-c', script], options),
    detach: async (name, flags) => {
      const { status, stderr } = await compart([
        'boot',
        '-d',
        '--name',
        name,
        ...KERNEL_FLAGS,
        ...memory,
        ...flags,
      ]);
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      await until(
        `${name} is up`,
        async () => (await compart(['exec', name, '--', 'true'])).status === 0,
        50_000,
      );
    },
    sh: async (name, script) => {
      const { status, stdout, stderr } = await compart(['exec', name, '--', 'sh', '-c', script]);
      if (status !== 0) throw new Error(`${name}: ${script}: status ${status}: ${stdout}${stderr}`);
      return stdout.trimEnd();
    },
  };
}

const asRoot = ({ dir, env }: Sandbox): Caller => {
  mkdirSync(`${dir}/files`);
  return callerWith([COMPART], { uid: 0, dir: `${dir}/files`, env });
};

async function asUser(sandbox: Sandbox, use: (caller: Caller) => Promise<void>): Promise<void> {
  const { program, env } = settle(sandbox);
  const dir = `${sandbox.dir}/files`;
  mkdirSync(dir);
  chownSync(dir, UID, UID);
  delegate();
  const own = { uid: UID, dir, env: { ...env, NODE_OPTIONS: '', COMPART_STATE: '', COMPART_CGROUP: '' } };
  const user = callerWith([...AS_USER, program], own);
  try {
    await use(user);
    await until('no process of the user is left', () => runningAs(UID).length === 0, 5000);
  } finally {
    const { stdout } = await user.compart(['ps', '--json']);
    for (const { name } of JSON.parse(stdout) as Array<{ name: string }>)
      await user.compart(['rm', '--force', name]);
    const left = takeBack();
    if (left.length > 0) throw new Error(`groups were left: ${left.join(' ')}`);
  }
}

/** What a test of guests needs. */
export const GUEST_NEEDS = ['root', 'uml', 'setpriv', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids'];
const USER_NEEDS = [...GUEST_NEEDS, 'cgroup-v1', 'user-namespaces'];

/** Two tests: the same guest of root, and of an ordinary user. */
export function asBoth(
  sandbox: { current: Sandbox },
  name: string,
  use: (caller: Caller) => Promise<void>,
  needs: readonly string[] = [],
): void {
  requires(...GUEST_NEEDS, ...needs)(`${name}, as root`, () => use(asRoot(sandbox.current)));
  requires(...USER_NEEDS, ...needs)(`${name}, as an ordinary user`, () => asUser(sandbox.current, use));
}

/** One test, as root. */
export function asRootOnly(
  sandbox: { current: Sandbox },
  name: string,
  use: (caller: Caller) => Promise<void>,
  needs: readonly string[] = [],
  patienceMs = 180_000,
): void {
  requires(...GUEST_NEEDS, ...needs)(name, () => use(asRoot(sandbox.current)), patienceMs);
}
