import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { NetRecord } from '../src/compartments/net/record.js';
import { parseQdiscs } from '../src/host/network/qdisc.js';
import { enterRouter } from '../src/host/network/router.js';
import { INNER_LINK, linkOf } from '../src/host/network/veth.js';
import { parseIperf } from '../test/support/iperf.js';
import { AS_USER, delegate, settle, takeBack, withTun } from '../test/support/ordinary-user.js';

/** Bytes that each shaper of a stack has let pass, and when. */
export interface Passed {
  rx: number;
  tx: number;
  at: number;
}

/** Somebody who runs compart: root, or a user with a subtree of groups. */
export interface Caller {
  name: string;
  compart: (...args: string[]) => Promise<string>;
  passed: (name: string) => Promise<Passed>;
  /** Takes away what is left of it. */
  end: () => Promise<void>;
}

function caller(
  name: string,
  become: readonly string[],
  argv: readonly string[],
  env: Record<string, string>,
  state: string,
  left: () => void,
): Caller {
  const { NODE_EXTRA_CA_CERTS: _unset, ...inherited } = process.env;
  const compart: Caller['compart'] = async (...args) => {
    const [file = '', ...words] = [...argv, ...args];
    const options = { env: { ...inherited, ...env }, extendEnv: false, stdin: 'ignore' } as const;
    return (await execa(file, words, options)).stdout;
  };
  return {
    name,
    compart,
    end: async () => {
      const names = JSON.parse(await compart('ps', '--json')) as Array<{ name: string }>;
      for (const each of names) await compart('rm', '--force', each.name);
      left();
    },
    passed: async (compartment) => {
      const file = `${state}/compartments/${compartment}/record.json`;
      const { subsystems } = JSON.parse(readFileSync(file, 'utf8')) as { subsystems: { net: NetRecord } };
      const { router, number } = subsystems.net.handles;
      const bytes = async (...words: string[]): Promise<number> => {
        // As who owns the stack: in the user namespace of another, root is nobody.
        const [file = '', ...argv] = [...become, ...enterRouter(router), 'tc', ...words];
        const { stdout } = await execa(file, argv);
        return parseQdiscs(stdout.replaceAll('\n', '')).find(({ root }) => root)?.bytes ?? 0;
      };
      const link = linkOf(number);
      const rx = await bytes('-s', '-j', 'qdisc', 'show', 'dev', link);
      const tx = await bytes('-n', link, '-s', '-j', 'qdisc', 'show', 'dev', INNER_LINK);
      return { rx, tx, at: performance.now() };
    },
  };
}

/** Both of them; the same code path but for the namespace that the links stand in. */
export function callers(): [root: Caller, user: Caller] {
  const dir = mkdtempSync(`${tmpdir()}/compart-bench-`);
  const state = `${dir}/state`;
  const env = { COMPART_STATE: state, COMPART_CGROUP: '/compart-bench-net' };
  const root = caller('root', [], ['bin/compart'], env, state, () => rmSync(dir, { recursive: true }));
  const makeUser = (): Caller => {
    delegate();
    const { program, env: own } = settle({ dir });
    const left = (): void => void takeBack();
    const words = [...withTun({ dir }), ...AS_USER, program];
    return caller('no root', AS_USER, words, own, `${dir}/home/compart`, left);
  };
  // The installation of the user is made in the folder of root, and used as long.
  const user = makeUser();
  return [root, user];
}

let port = 5500;

/** What iperf3 had of a stack, and what its shapers let pass, in bit/s. */
export interface Measured {
  goodput: number;
  rx: number;
  tx: number;
}

const TRIES = 3;

/** One run of iperf3 in a stack against the host, its middle measured; once more where the host was too busy for it. */
export async function flow(
  who: Caller,
  name: string,
  seconds: number,
  ...flags: string[]
): Promise<Measured> {
  for (let tries = 1; ; tries += 1) {
    port += 1;
    const server = execa('iperf3', ['-s', '-1', '-p', String(port)], { stdout: 'ignore', reject: false });
    try {
      await delay(300);
      return await measure(who, name, seconds, flags);
    } catch (error) {
      if (tries === TRIES) throw error;
    } finally {
      server.kill();
      await server;
    }
  }
}

async function measure(
  { compart, passed }: Caller,
  name: string,
  seconds: number,
  flags: readonly string[],
): Promise<Measured> {
  const words = [
    '-c',
    'host.compart.internal',
    '-p',
    String(port),
    '-t',
    String(seconds + 2),
    '-O',
    '1',
    '-J',
  ];
  const client = compart('exec', name, '--', 'iperf3', ...words, ...flags);
  client.catch(() => undefined);
  // The first second of iperf3 is not counted (-O), and neither is its end.
  await delay(1500);
  const before = await passed(name);
  await delay(seconds * 1000);
  const after = await passed(name);
  const { mbit } = parseIperf(await client);
  const rate = (key: 'rx' | 'tx'): number => ((after[key] - before[key]) * 8000) / (after.at - before.at);
  return { goodput: mbit * 1e6, rx: rate('rx'), tx: rate('tx') };
}
