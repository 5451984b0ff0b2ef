import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { ratesThroughSet } from '../support/live.js';
import { LENT_ADDRESS, withLentHost, type LentHost } from '../support/lent-host.js';
import { pathWithout } from '../support/path.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';
import type { ErrorAnswer } from '../support/shapes.js';

const sandbox = useSandbox();
const NEEDS = ['root', 'ip', 'tc', 'nft', 'nsenter', 'unshare'];
const it = requires(...NEEDS, 'python3');
// Where both ends of a connection share a CPU, it is the CPU that is measured.
const withRates = requires(...NEEDS, 'python3', 'two-cpus');
const withIperf = requires(...NEEDS, 'iperf3', 'two-cpus');
const withHost = (use: (host: LentHost) => Promise<void>): Promise<void> =>
  withLentHost(sandbox.current, use);

/** Sends as fast as it can for 3 s, past the shaper if it is told to, and prints how many bytes it handed over. */
const FLOOD = `
import fcntl, socket, struct, sys, time
own, host, bypass = sys.argv[1], sys.argv[2], sys.argv[3] == "bypass"
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("host.compart.internal", 9)); time.sleep(0.2)
gateway = bytes.fromhex([l.split()[3] for l in open("/proc/net/arp") if "eth0" in l][0].replace(":", ""))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0x800))
if bypass: s.setsockopt(263, 20, 1)
def checksum(b):
    n = sum(struct.unpack("!%dH" % (len(b) // 2), b)); n = (n >> 16) + (n & 65535); return ~(n + (n >> 16)) & 65535
udp = struct.pack("!HHHH", 7777, 7777, 8 + 1400, 0) + b"z" * 1400
ip = struct.pack("!BBHHHBBH4s4s", 69, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(own), socket.inet_aton(host))
ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
frame = gateway + s.getsockname()[4] + b"\\x08\\0" + ip + udp
sent = 0; end = time.time() + 3
while time.time() < end:
    try: sent += s.send(frame)
    except OSError: pass
print(sent)
`;
/** Says "ready", and at the end of its stdin how many bytes of datagrams came, headers counted, and from whom else. */
const COUNT = `
import socket, sys, threading
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(1, 33, 8 << 20); s.bind(("0.0.0.0", 7777)); count = 0
def hear():
    global count
    while True: count += len(s.recv(65536)) + 42
threading.Thread(target=hear, daemon=True).start(); print("ready", flush=True); sys.stdin.read(); print(count)
`;

describe('what a stack sends', () => {
  const flood = (how: string): Promise<{ sent: number; came: number }> =>
    new Promise((resolve, reject) => {
      withHost(async (host) => {
        await host.compart('load', 'net', '--name', 'x', '--net', '10mbit/1mbit');
        const { stdout: address } = await host.compart('exec', 'x', '--', 'hostname', '-i');
        const own = address.split(/\s/).find((each) => each.startsWith('10.')) ?? '10.210.0.2';
        const counter = host.start(['python3', '-c', COUNT], { stdin: 'pipe' });
        await delay(300);
        const flooded = await host.compart('exec', 'x', '--', 'python3', '-c', FLOOD, own, LENT_ADDRESS, how);
        expect(flooded.stderr).toBe('');
        await delay(300);
        counter.stdin?.end();
        const came = Number(String((await counter).stdout).split('\n')[1]);
        await host.compart('rm', '--force', 'x');
        resolve({ sent: Number(flooded.stdout), came });
      }).catch(reject);
    });

  withRates(
    'stays within its upload of 1 Mbit/s, also where root inside goes past the shaper with a packet socket',
    async () => {
      const mbit = 1e6 / 8;
      const around = await flood('bypass');
      process.stderr.write(`past the shaper: ${around.sent} bytes sent, ${around.came} came in 3 s\n`);
      expect(around.sent).toBeGreaterThan(10 * mbit);
      // Three seconds, and what the ceiling's bucket holds: a second of the rate and the burst (nft(8), limit).
      expect(around.came).toBeLessThan((3.1 + 1) * mbit + 65_536 + 1514);
      const through = await flood('shaped');
      process.stderr.write(`through the shaper: ${through.sent} bytes sent, ${through.came} came in 3 s\n`);
      expect(through.came).toBeLessThan(3.2 * mbit + 5000 + 6250);
      expect(through.came).toBeGreaterThan(2.7 * mbit);
    },
  );
});

describe('root inside', () => {
  it.each([
    'tc qdisc del dev eth0 root',
    'tc qdisc replace dev eth0 root pfifo',
    'ip link set eth0 down',
    'ip link set eth0 gso_max_size 65536',
    'ip link del eth0',
    'ip addr add 198.51.100.77/32 dev eth0',
    'ip route replace default dev eth0',
    'ip link add name x type veth peer name y',
    'ip link set eth0 netns 1',
    'nft add table inet x',
    'nsenter -t 1 -n true',
    'nsenter --net=/proc/1/ns/net true',
    'nsenter --net=/run/netns/compart2 true',
    'unshare --net true',
    'unshare --user --map-root-user nsenter --net=/proc/1/ns/net true',
    'unshare --user --map-root-user tc qdisc del dev eth0 root',
    'mount -t tmpfs none /mnt',
    'mount --bind /proc/1/ns/net /etc/hosts',
    'umount /etc/resolv.conf',
    'python3 -c "import ctypes, os; c = ctypes.CDLL(None); exit(c.setns(os.open(\'/proc/1/ns/net\', 0), 0) == 0 and 0 or 1)"',
  ])('cannot: %s', async (command) => {
    await withHost(async (host) => {
      const script = `${command} >/dev/null 2>&1 && echo did; tc qdisc show dev eth0`;
      const { stdout } = await host.compart('run', '--net', '1mbit', '--', 'sh', '-c', script);
      expect(stdout).toMatch(/^qdisc tbf 1: root refcnt \d+ rate 1Mbit burst \d+b lat 50ms *\n/);
    });
  });
});

describe('what cannot be published', () => {
  const refusal = async (
    host: LentHost,
    ...flags: string[]
  ): Promise<ErrorAnswer['error'] & { status: number }> => {
    const { status, stderr } = await host.compart('run', '--net', 'max', ...flags, '--json', '--', 'true');
    return { status, ...(JSON.parse(stderr) as ErrorAnswer).error };
  };
  const taken = {
    status: 125,
    code: 'ERR_COMPART_BUSY',
    message: '--publish: cannot listen on 127.0.0.1:8080: the port is taken',
  };

  it('is a port that another process, or another compartment, has: named, and nothing stays', () =>
    withHost(async (host) => {
      const listen =
        'import socket,time; s = socket.create_server(("127.0.0.1", 8080)); print("ready", flush=True); time.sleep(60)';
      await host.serve(['python3', '-c', listen]);
      expect(await refusal(host, '-p', '8081:80', '-p', '8080:80')).toMatchObject(taken);
      // The port that was free is free again.
      const first = await host.compart(
        'run',
        '-d',
        '--name',
        'first',
        '--net',
        'max',
        '-p',
        '8081:80',
        '--',
        'sleep',
        '60',
      );
      expect(first.status).toBe(0);
      expect(await refusal(host, '-p', '8081:80')).toMatchObject({
        ...taken,
        message: taken.message.replace('8080', '8081'),
      });
      const set = await host.compart('set', 'first', '-p', '8082:80', '-p', '8080:80');
      expect(set.status).toBe(125);
      expect((await host.compart('inspect', 'first')).stdout).not.toContain('8082');
      expect((await host.compart('run', '--net', 'max', '-p', '8082:80', '--', 'true')).status).toBe(0);
      await host.compart('rm', '--force', 'first');
    }));

  it('is an address that this host has not, a port of another zone, and a port of a stack without a network', () =>
    withHost(async (host) => {
      expect(await refusal(host, '-p', '192.0.2.1:8080:80')).toMatchObject({
        status: 2,
        code: 'ERR_COMPART_USAGE',
        message: '--publish: cannot listen on 192.0.2.1:8080: this host has no such address',
      });
      expect(await refusal(host, '-p', '[fe80::1%eth0]:8080:80')).toMatchObject({
        status: 2,
        code: 'ERR_COMPART_USAGE',
      });
      const none = await host.compart('run', '--net', 'none', '-p', '8080:80', '--', 'true');
      expect(none).toMatchObject({ status: 2, stdout: '' });
    }));
});

describe('a host without the tools', () => {
  it.each([
    ['nft', 'nftables'],
    ['tc', 'iproute2'],
    ['ip', 'iproute2'],
  ])('is told that %s is missing before anything is changed, and which package has it', (tool, name) =>
    withHost(async (host) => {
      // Administrators' tools are looked for there in any case.
      const hide = `mkdir /run/sbin && mount --bind /usr/sbin /run/sbin && mount -t tmpfs hide /usr/sbin && cd /run/sbin && for each in *; do [ "$each" = ${tool} ] || ln -s "/run/sbin/$each" /usr/sbin/; done`;
      expect(await host.run(['sh', '-c', hide])).toMatchObject({ status: 0 });
      const { status, stdout, stderr } = await host.run(
        [COMPART, 'run', '--net', '1mbit', '--', 'echo', 'ran'],
        { env: { PATH: pathWithout(sandbox.current.dir, tool) } },
      );
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
      expect(stderr).toBe(
        `compart: --net cannot be enforced on this host: ${tool} is not installed\ncompart: apt-get install ${name} (or --best-effort to go without)\n`,
      );
      expect(await host.run(['sh', '-c', 'umount /usr/sbin'])).toMatchObject({ status: 0 });
    }),
  );
});

describe('set --net', () => {
  withIperf('changes the rate of a connection that lives within a second, up and down, and it goes on', () =>
    withHost(async (host) => {
      const rates = await ratesThroughSet(
        host,
        {
          compart: (...args) => host.compart(...args),
          start: (...args) => host.start([COMPART, ...args]),
        },
        5330,
      );
      process.stderr.write(
        `set --net 5, 50, 5mbit as root: ${rates.map((rate) => rate.toFixed(2)).join(', ')} Mbit/s\n`,
      );
      const [before, during, after] = rates;
      expect(before).toBeGreaterThan(4.5);
      expect(before).toBeLessThan(5.2);
      expect(during).toBeGreaterThan(45);
      expect(during).toBeLessThan(50.5);
      expect(after).toBeGreaterThan(4);
      expect(after).toBeLessThan(5.2);
    }),
  );
});
