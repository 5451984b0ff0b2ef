import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { parseIperf } from '../support/iperf.js';
import { withLentHost, WORLD_ADDRESS, type LentHost } from '../support/lent-host.js';
import { pathWith } from '../support/path.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';
import type { ErrorAnswer } from '../support/shapes.js';

const sandbox = useSandbox();
const it = requires('root', 'ip', 'tc', 'nft', 'unshare', 'iperf3', 'slirp4netns', 'curl');
/** As docker sets it up where it runs (iptables-nft): what is not its own is not forwarded. */
const DOCKER = `
table ip filter {
  chain DOCKER-USER {
    counter packets 0 bytes 0 return
  }
  chain FORWARD {
    type filter hook forward priority filter; policy drop;
    counter packets 0 bytes 0 jump DOCKER-USER
    oifname "docker0" ct state related,established accept
    iifname "docker0" oifname != "docker0" accept
  }
}
table ip nat {
  chain POSTROUTING {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
  }
}
`;
/** As docker's manual has users let others through. */
const LET_PASS = `
insert rule ip filter DOCKER-USER iifname "compart*" accept
insert rule ip filter DOCKER-USER oifname "compart*" accept
`;
/** As firewalld has it: policies accept, the last rule refuses. */
const FIREWALLD = `
table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state established,related accept
    iifname "lo" accept
    meta l4proto icmp accept
    tcp dport 22 accept
    reject with icmpx type admin-prohibited
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state established,related accept
    ct status dnat accept
    iifname "lo" accept
    reject with icmpx type admin-prohibited
  }
}
`;

/** Its rules as nft(8) lists them, without what they have counted. */
async function rulesOf(host: LentHost): Promise<string> {
  const { status, stdout } = await host.run(['nft', '--stateless', 'list', 'ruleset']);
  expect(status).toBe(0);
  return stdout.replaceAll(/packets \d+ bytes \d+ ?/g, '');
}

/**
 * A host with somebody at the end of its default route, and with rules of others, which are to be found again as they
 * were, and nothing beside them.
 */
function withRules(rules: string, use: (host: LentHost, ruleset: string) => Promise<void>): Promise<void> {
  const file = `${sandbox.current.dir}/rules`;
  writeFileSync(file, rules);
  const onHost = async (host: LentHost): Promise<void> => {
    expect(await host.run(['nft', '-f', file])).toMatchObject({ status: 0 });
    const ruleset = await rulesOf(host);
    await use(host, ruleset);
    // compart's own table goes a little after the command.
    await until('its own rules are all there is', async () => (await rulesOf(host)) === ruleset, 5000);
    await host.run(['nft', 'flush', 'ruleset']);
  };
  return withLentHost(sandbox.current, onHost, { world: true });
}

/** Megabits per second that a compartment downloads from the world. */
async function download(host: LentHost, port: number, net: string): Promise<number> {
  const server = host.start(['ip', 'netns', 'exec', 'world', 'iperf3', '-s', '-1', '-p', String(port)]);
  await delay(300);
  const client = ['iperf3', '-c', WORLD_ADDRESS, '-p', String(port), '-R', '-t', '3', '-O', '1', '-J'];
  const { stdout, stderr } = await host.compart('run', '--net', net, '--', ...client);
  await server;
  return parseIperf(stdout || stderr).mbit;
}

async function uplinkOf(host: LentHost, name: string): Promise<string> {
  const { stdout } = await host.compart('inspect', name);
  const { subsystems } = JSON.parse(stdout) as { subsystems: { net: { limits: { uplink: string } } } };
  return subsystems.net.limits.uplink;
}

describe("beside another firewall's rules", () => {
  for (const [whose, rules] of [
    ["docker's", DOCKER],
    ["firewalld's", FIREWALLD],
  ] as const) {
    it(`${whose}: it goes around what drops forwarded packets, holds 10mbit, and changes none of them`, () =>
      withRules(rules, async (host, ruleset) => {
        await host.compart('load', 'net', '--name', 'web', '--net', 'max', '--publish', '8080:80');
        expect(await uplinkOf(host, 'web')).toBe('slirp4netns');
        expect(await rulesOf(host)).toBe(ruleset);
        const server = host.start([COMPART, 'exec', 'web', '--', 'python3', '-m', 'http.server', '80']);
        const retry = ['--retry', '30', '--retry-delay', '1', '--retry-all-errors'];
        const { status } = await host.run(['curl', '-s', ...retry, 'http://127.0.0.1:8080/']);
        expect(status).toBe(0);
        const rate = await download(host, 5401, '10mbit');
        expect(rate).toBeGreaterThan(9.3);
        expect(rate).toBeLessThanOrEqual(10.2);
        await host.compart('rm', '--force', 'web');
        await server;
      }));
  }

  it("goes by the host's own forwarding where docker's rules let compart's links pass", () =>
    withRules(DOCKER + LET_PASS, async (host) => {
      await host.compart('load', 'net', '--name', 'web', '--net', 'max');
      expect(await uplinkOf(host, 'web')).toBe('forward');
      // A host that is busy beyond this test gives less; then again.
      let rate = 0;
      for (let port = 5402; port < 5406 && rate <= 9.4; port += 1)
        rate = await download(host, port, '10mbit');
      expect(rate).toBeGreaterThan(9.4);
      await host.compart('rm', '--force', 'web');
    }));

  it('refuses a stack that would reach nobody, where slirp4netns and pasta are missing', () =>
    withRules(DOCKER, async (host) => {
      const programs = ['sh', 'env', 'dirname', 'readlink', 'true', 'nsenter', 'setpriv', 'node'];
      const PATH = pathWith(sandbox.current.dir, ...programs);
      const words = [COMPART, 'run', '--json', '--net', '10mbit', '--', 'true'];
      const refused = await host.run(words, { env: { PATH } });
      expect(refused.status).toBe(125);
      const { error } = JSON.parse(refused.stderr) as ErrorAnswer;
      expect(error.code).toBe('ERR_COMPART_UNSUPPORTED');
      expect(error.message).toContain('ip filter FORWARD');
      expect(error.hint).toContain('apt-get install slirp4netns');
    }));

  it('twenty at once find the same way', () =>
    withRules(DOCKER, async (host) => {
      const runs = Array.from({ length: 20 }, () => host.compart('run', '--net', '10mbit', '--', 'true'));
      expect((await Promise.all(runs)).filter(({ status }) => status !== 0)).toEqual([]);
    }));
});
