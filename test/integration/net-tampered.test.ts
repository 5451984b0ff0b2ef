import { writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { withLentHost, type LentHost } from '../support/lent-host.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const it = requires('root', 'ip', 'tc', 'nft', 'nsenter', 'unshare');

/** A stack called `web`, the first of its host: its number is 2. */
async function withStack(use: (host: LentHost) => Promise<void>): Promise<void> {
  await withLentHost(sandbox.current, async (host) => {
    const flags = ['--net', '10mbit/5mbit', '--allow', '192.0.2.0/24'];
    expect(await host.compart('load', 'net', '--name', 'web', ...flags)).toMatchObject({ status: 0 });
    expect(await host.compart('exec', 'web', '--', 'true')).toMatchObject({ status: 0, stderr: '' });
    await use(host);
    expect(await host.compart('rm', '--force', 'web')).toMatchObject({ status: 0, stderr: '' });
  });
}

const tamper = async (host: LentHost, command: string): Promise<void> =>
  expect(await host.run(['sh', '-c', command])).toMatchObject({ status: 0, stderr: '' });

/** No command gets in, and `inspect` says why. */
async function isRefused(host: LentHost, fault: string): Promise<void> {
  const refused = await host.compart('exec', 'web', '--', 'echo', 'ran');
  expect(refused).toMatchObject({ status: 125, stdout: '' });
  expect(refused.stderr).toContain(`"web" is not held any more: ${fault}`);
  const { subsystems } = JSON.parse((await host.compart('inspect', 'web')).stdout) as {
    subsystems: { net: { enforced: boolean; fault: string } };
  };
  expect(subsystems.net).toMatchObject({ enforced: false, fault });
}

/** A command that goes on until it is told to end. */
const untilTold = (): string[] => [
  'sh',
  '-c',
  'while [ ! -e "$0" ]; do sleep 0.05; done',
  `${sandbox.current.dir}/told`,
];
const tell = (): void => writeFileSync(`${sandbox.current.dir}/told`, '');

const GONE = 'the rules of compart2 in the table inet compart are gone';
const tampered = (chain: string): string =>
  `the rules in chain ${chain} of the table inet compart are not those of compart`;

describe('what somebody takes away of a stack', () => {
  it.each([
    ['the shaper towards it', 'tc qdisc del dev compart2 root', 'the shaper of compart2 is gone'],
    [
      'the shaper of what it sends',
      'tc -n compart2 qdisc del dev eth0 root',
      'the shaper inside compart2 is gone',
    ],
    [
      'its rate, made higher',
      'tc qdisc change dev compart2 root handle 1: tbf rate 1gbit burst 1mb latency 50ms',
      'the shaper of compart2 is gone',
    ],
    ['the table', 'nft delete table inet compart', GONE],
    ['all tables of the host', 'nft flush ruleset', GONE],
    ['all rules of the table', 'nft flush table inet compart', tampered('compart2')],
    ['the rules about addresses', 'nft flush chain inet compart source', tampered('source')],
    ['the rules about who reaches whom', 'nft flush chain inet compart forward', tampered('forward')],
    ['the masquerade', 'nft flush chain inet compart outward', tampered('outward')],
    ['what it may reach', 'nft insert rule inet compart compart2 accept', tampered('compart2')],
    ['its address', 'nft flush set inet compart addresses4', GONE],
    ['its ceiling', 'nft flush map inet compart ceilings', GONE],
  ])('is found before the next command, and gc puts it back: %s', (_what, command, fault) =>
    withStack(async (host) => {
      await tamper(host, command);
      await isRefused(host, fault);
      expect(await host.compart('gc')).toMatchObject({ status: 0 });
      expect(await host.compart('exec', 'web', '--', 'echo', 'ran')).toMatchObject({
        status: 0,
        stdout: 'ran\n',
        stderr: '',
      });
      expect((await host.compart('inspect', 'web')).stdout).not.toContain('"enforced": false');
    }),
  );

  it.each([
    ['its link', 'ip link del compart2'],
    ['its namespace', 'ip netns del compart2'],
  ])('is found, and cannot be put back under what runs: %s', (_what, command) =>
    withStack(async (host) => {
      await tamper(host, command);
      await until(
        'the link is gone',
        async () => !(await host.run(['ip', 'link'])).stdout.includes('compart2'),
      );
      await isRefused(host, 'its link compart2 is gone');
      const { stderr } = await host.compart('gc');
      expect(stderr).toContain('web');
      expect(stderr).toContain('its link compart2 is gone');
      expect(await host.compart('exec', 'web', '--', 'true')).toMatchObject({ status: 125 });
    }),
  );

  it('is told at the end of the command that ran meanwhile', () =>
    withLentHost(sandbox.current, async (host) => {
      const run = host.compart('run', '--name', 'web', '--net', '10mbit/5mbit', '--', ...untilTold());
      await until('its link', async () =>
        (await host.run(['tc', 'qdisc'])).stdout.includes('tbf 1: dev compart2'),
      );
      await until('the command', async () => (await host.compart('ps')).stdout.includes('running'));
      await tamper(host, 'tc qdisc del dev compart2 root');
      tell();
      expect(await run).toMatchObject({
        status: 0,
        stderr:
          'compart: web: --net did not hold to the end: somebody changed the shaper of its download while it ran\n',
      });
    }));

  it('is not confused with what set changed while the command ran', () =>
    withLentHost(sandbox.current, async (host) => {
      const run = host.compart('run', '--name', 'web', '--net', '10mbit', '--', ...untilTold());
      await until('the command', async () => (await host.compart('ps')).stdout.includes('running'));
      for (const rate of ['50mbit', '5mbit/2mbit'])
        expect(await host.compart('set', 'web', '--net', rate)).toMatchObject({ status: 0, stderr: '' });
      tell();
      expect(await run).toMatchObject({ status: 0, stderr: '' });
    }));
});
