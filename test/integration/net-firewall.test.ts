import { mkdirSync, symlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { expectNetwork, networkOf, useOtherHost } from '../support/network.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer } from '../support/shapes.js';

const sandbox = useSandbox();
const other = useOtherHost('cnfirewall');
const it = requires('root', 'ip', 'tc', 'nft', 'iperf3', 'slirp4netns', 'curl');

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

async function compart(args: readonly string[], env: Record<string, string> = {}): Promise<Answer> {
  const [file = '', ...words] = [...other.enter, COMPART, ...args];
  const { exitCode, stdout, stderr } = await execa(file, words, {
    reject: false,
    env: { ...sandbox.current.env, ...env },
  });
  return { status: exitCode ?? -1, stdout, stderr };
}

/** Megabits per second that a compartment downloads from the world. */
async function download(port: number, net: string): Promise<number> {
  const server = execa('iperf3', ['-s', '-1', '-B', other.world, '-p', String(port)], { stdout: 'ignore' });
  await delay(300);
  const client = ['iperf3', '-c', other.world, '-p', String(port), '-R', '-t', '3', '-O', '1', '-J'];
  const { stdout, stderr } = await compart(['run', '--net', net, '--', ...client]);
  await server;
  const { end } = JSON.parse(stdout || stderr) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e6;
}

async function uplinkOf(name: string): Promise<string> {
  const { stdout } = await compart(['inspect', name]);
  const { subsystems } = JSON.parse(stdout) as { subsystems: { net: { limits: { uplink: string } } } };
  return subsystems.net.limits.uplink;
}

describe("beside another firewall's rules", () => {
  for (const [whose, rules] of [
    ["docker's", DOCKER],
    ["firewalld's", FIREWALLD],
  ] as const) {
    it(`${whose}: it goes around what drops forwarded packets, holds 10mbit, and changes none of them`, async () => {
      other.load(rules);
      const [ruleset, network] = [other.rules(), networkOf(other.enter)];
      await compart(['load', 'net', '--name', 'web', '--net', 'max', '--publish', '8080:80']);
      expect(await uplinkOf('web')).toBe('slirp4netns');
      expect(other.rules()).toBe(ruleset);
      const server = execa(
        other.enter[0] ?? '',
        [...other.enter.slice(1), COMPART, 'exec', 'web', '--', 'python3', '-m', 'http.server', '80'],
        { env: sandbox.current.env, reject: false, stdio: 'ignore' },
      );
      const [file, ...words] = [...other.enter, 'curl', '-s', '--retry', '30', '--retry-delay', '1'];
      const { exitCode } = await execa(file, [...words, '--retry-all-errors', 'http://127.0.0.1:8080/'], {
        reject: false,
      });
      expect(exitCode).toBe(0);
      const rate = await download(5401, '10mbit');
      expect(rate).toBeGreaterThan(9.3);
      expect(rate).toBeLessThanOrEqual(10.2);
      await compart(['rm', '--force', 'web']);
      await server;
      expect(other.rules()).toBe(ruleset);
      await expectNetwork(network, other.enter);
    });
  }

  it("goes by the host's own forwarding where docker's rules let compart's links pass", async () => {
    other.load(DOCKER);
    other.load(LET_PASS);
    const [ruleset, network] = [other.rules(), networkOf(other.enter)];
    await compart(['load', 'net', '--name', 'web', '--net', 'max']);
    expect(await uplinkOf('web')).toBe('forward');
    expect(await download(5402, '10mbit')).toBeGreaterThan(9.4);
    await compart(['rm', '--force', 'web']);
    await expectNetwork(network, other.enter);
    expect(other.rules()).toBe(ruleset);
  });

  it('refuses a stack that would reach nobody, where slirp4netns and pasta are missing', async () => {
    other.load(DOCKER);
    const network = networkOf(other.enter);
    const bin = `${sandbox.current.dir}/bin`;
    mkdirSync(bin);
    for (const file of ['sh', 'env', 'dirname', 'readlink', 'true', 'nsenter'])
      symlinkSync(`/usr/bin/${file}`, `${bin}/${file}`);
    symlinkSync(process.execPath, `${bin}/node`);
    const refused = await compart(['run', '--json', '--net', '10mbit', '--', 'true'], { PATH: bin });
    expect(refused.status).toBe(125);
    const { error } = JSON.parse(refused.stderr) as ErrorAnswer;
    expect(error.code).toBe('ERR_COMPART_UNSUPPORTED');
    expect(error.message).toContain('ip filter FORWARD');
    expect(error.hint).toContain('apt-get install slirp4netns');
    await expectNetwork(network, other.enter);
  });

  it('twenty at once find the same way', async () => {
    other.load(DOCKER);
    const network = networkOf(other.enter);
    const all = await Promise.all(
      Array.from({ length: 20 }, () => compart(['run', '--net', '10mbit', '--', 'true'])),
    );
    expect(all.filter(({ status }) => status !== 0)).toEqual([]);
    await expectNetwork(network, other.enter);
  });
});
