import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { exchange, startExchange, type Exchange } from '../../src/host/network/exchange.js';
import { auditRequests, hasElements, tamperedChain } from '../../src/host/network/audit.js';
import { Exchanger } from '../../src/host/network/exchanger.js';
import { addressRequests, vethRequest } from '../../src/host/network/link-requests.js';
import { encodeRequest, type Request } from '../../src/host/network/netlink.js';
import { addressesOf, CANDIDATES4, CANDIDATES6, type Addresses } from '../../src/host/network/pool.js';
import { lookRequest, shaperRequests, shapersIn } from '../../src/host/network/qdisc-requests.js';
import { shaperLines } from '../../src/host/network/qdisc.js';
import { stackLines, tableLines, type StackRules } from '../../src/host/network/table.js';
import { argvOf, ipBatch, nftBatch, tryTool } from '../../src/host/network/tools.js';
import { INNER_LINK, innerLines, outerLines } from '../../src/host/network/veth.js';
import { requires } from '../support/requires.js';

const PROGRAM = fileURLToPath(new URL('../../native/build/compart-netlink', import.meta.url));
const it = requires('root', 'ip', 'tc', 'nsenter', 'unshare');
const LINK = 'compart2';

/** Words that enter a network of its own, with a /run of its own. */
async function withNetwork(use: (enter: string[]) => void | Promise<void>): Promise<void> {
  const script =
    'mount -t tmpfs none /run && ip link set lo up && echo ready && exec setpriv --pdeathsig KILL sleep 60';
  const argv = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', script];
  const holder = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(holder.stdout, 'data');
    await use(['nsenter', '--target', String(holder.pid), '--net', '--mount', '--']);
  } finally {
    const ended = once(holder, 'exit');
    holder.kill('SIGKILL');
    await ended;
  }
}

const asked = (requests: readonly Request[], make = true): Exchange => ({
  program: PROGRAM,
  netns: LINK,
  link: LINK,
  make,
  requests,
});

/** A stack to be made, in either way. */
interface Case {
  addresses: Addresses;
  rx: number | null;
  tx: number | null;
  mtu: number;
  patient: boolean;
  routed6: boolean;
}

const GSO = { rx: 3000, tx: 65_536 };

function makeByRequests(enter: string[], { addresses, rx, tx, mtu, patient, routed6 }: Case): void {
  exchange(
    enter,
    asked([
      vethRequest(LINK, GSO, mtu),
      ...shaperRequests(LINK, { rateBps: rx, patient, mtu }),
      ...shaperRequests(INNER_LINK, { rateBps: tx, patient: false, mtu }),
      ...addressRequests(LINK, addresses, routed6),
    ]),
  );
}

function makeByLines(enter: string[], { addresses, rx, tx, mtu, patient, routed6 }: Case): void {
  ipBatch(enter, null, outerLines(LINK, LINK, addresses, GSO, mtu));
  ipBatch(enter, LINK, innerLines(addresses, GSO, routed6));
  const plain = { delayUs: null, lossPercent: null, mtu, stands: false };
  for (const [netns, link, rateBps, slow] of [
    [null, LINK, rx, patient],
    [LINK, INNER_LINK, tx, false],
  ] as const) {
    const lines = rateBps === null ? [] : shaperLines(link, { ...plain, rateBps, patient: slow });
    tryTool(enter, 'tc', argvOf('tc', netns), lines);
  }
}

/** All that ip(8) and tc(8) say of a stack, less what is another each time. */
function seen(enter: string[]): string {
  const say = (...words: string[]): string => {
    const [file = '', ...argv] = [...enter, ...words];
    return spawnSync(file, argv, { encoding: 'utf8' }).stdout;
  };
  const inside = (tool: string): string[] => [tool, '-n', LINK];
  const text = [
    ...[[...['ip', '-d', 'addr', 'show', 'dev', LINK]], [...inside('ip'), '-d', 'addr', 'show']],
    ...[['ip', 'route'], ['ip', '-6', 'route'], [...inside('ip'), 'route'], [...inside('ip'), '-6', 'route']],
    ...['qdisc', 'class'].flatMap((what) => [
      ['tc', '-d', what, 'show', 'dev', LINK],
      [...inside('tc'), '-d', what, 'show', 'dev', INNER_LINK],
    ]),
    ['tc', 'filter', 'show', 'dev', LINK, 'parent', '10:'],
    [...inside('tc'), 'filter', 'show', 'dev', INNER_LINK, 'parent', '10:'],
  ].map((words) => say(...words));
  return text
    .join('\n')
    // What the kernel adds in its own time, and what it sends by itself before there are classes.
    .replaceAll(/ direct_packets_stat \d+/g, '')
    .replaceAll(/^ *(inet6 )?fe80\S* .*\n( +valid_lft.*\n)?/gm, '')
    .replaceAll(/link\/ether [0-9a-f:]{17}/g, '')
    .replaceAll(/ (tentative|state \w+|refcnt \d+|<[A-Z,_-]*>|link-netns\S* \S+)/g, '')
    .replaceAll(/^\d+: |@if\d+/gm, '')
    // The kernel's own routes to the ends of an IPv6 link, some of which depend on what came first: its up or its address.
    .replaceAll(/^fd\S+ dev \S+ proto kernel .*\n/gm, '');
}

const FOUR_AND_SIX = addressesOf({ ipv4: CANDIDATES4[0], ipv6: CANDIDATES6[0] }, 2);
const FOUR = addressesOf({ ipv4: CANDIDATES4[0], ipv6: null }, 4094);

describe('requests', () => {
  it.each<[string, Case]>([
    [
      '10 and 5 mbit, IPv4 and IPv6',
      { addresses: FOUR_AND_SIX, rx: 10e6, tx: 5e6, mtu: 1500, patient: false, routed6: true },
    ],
    ['one direction, IPv4', { addresses: FOUR, rx: null, tx: 8000, mtu: 1500, patient: false, routed6: false }],
    ['no limit', { addresses: FOUR_AND_SIX, rx: null, tx: null, mtu: 1500, patient: false, routed6: false }],
    [
      'behind slirp4netns, above 34 gbit the other way',
      { addresses: FOUR_AND_SIX, rx: 300e6, tx: 40e9, mtu: 65_520, patient: true, routed6: false },
    ],
  ])('make of a stack what ip and tc make of lines: %s', (_what, each) =>
    withNetwork(async (enter) => {
      makeByRequests(enter, each);
      const byRequests = seen(enter);
      ipBatch(enter, null, [`netns del ${LINK}`]);
      await until(() => !seen(enter).includes('gso_max_size'));
      makeByLines(enter, each);
      expect(byRequests).toContain('gso_max_size 3000');
      expect(byRequests.split('\n')).toEqual(seen(enter).split('\n'));
    }),
  );

  it('tell of both shapers: rates, bytes, what was dropped', () =>
    withNetwork((enter) => {
      makeByRequests(enter, { addresses: FOUR, rx: 10e6, tx: 40e9, mtu: 1500, patient: false, routed6: false });
      const [file, ...argv] = [...enter, 'ping', '-c', '2', '-i', '0.1', '-s', '1000', FOUR.ipv4];
      expect(spawnSync(file, argv).status).toBe(0);
      const messages = exchange(enter, asked([lookRequest(LINK), lookRequest(INNER_LINK)], false));
      const { rx, tx } = shapersIn(messages, LINK);
      expect(rx).toMatchObject({ kind: 'tbf', link: LINK, rateBps: 10e6, drops: 0, backlogBytes: 0 });
      expect(tx).toMatchObject({ kind: 'tbf', link: INNER_LINK, rateBps: 40e9, drops: 0, backlogBytes: 0 });
      expect(rx?.bytes).toBeGreaterThan(2 * 1042);
      expect(tx?.bytes).toBeGreaterThan(2 * 1042);
    }));

  it('tell of no shaper where there is none', () =>
    withNetwork((enter) => {
      makeByRequests(enter, { addresses: FOUR, rx: null, tx: null, mtu: 1500, patient: false, routed6: false });
      const messages = exchange(enter, asked([lookRequest(LINK), lookRequest(INNER_LINK)], false));
      for (const reading of Object.values(shapersIn(messages, LINK))) expect(reading?.rateBps ?? null).toBeNull();
    }));
});

describe('what is refused', () => {
  const veth = vethRequest(LINK, { rx: null, tx: null }, 1500);

  it('names the request and the reason of the kernel', () =>
    withNetwork(async (enter) => {
      exchange(enter, asked([veth]));
      expect(() => exchange(enter, asked([veth], false))).toThrow(`link ${LINK}: File exists`);
      expect(() => exchange(enter, asked([veth]))).toThrow(`namespace ${LINK}: File exists`);
      const wrong = vethRequest('compart3', { rx: null, tx: null }, 20);
      await expect(startExchange(enter, asked([wrong], false))).rejects.toThrow(
        /^link compart3: Invalid argument/,
      );
      const stray = addressRequests('compart9', FOUR, false);
      expect(() => exchange(enter, { ...asked(stray, false), link: 'compart9' })).toThrow(
        `address ${FOUR.gateway4}: No such device`,
      );
    }));

  it('is no error where it may be', () =>
    withNetwork((enter) => {
      exchange(enter, asked([veth]));
      expect(exchange(enter, asked([{ ...veth, mayFail: true }], false))).toEqual([]);
    }));

  it('is a namespace that is not there, and a program that is not', () =>
    withNetwork((enter) => {
      expect(() => exchange(enter, asked([], false))).toThrow(`namespace ${LINK}: No such file or directory`);
      expect(() => exchange([], { ...asked([]), program: '/nowhere' })).toThrow(`namespace ${LINK}: ENOENT`);
    }));

  it.each<[string, Buffer]>([
    ['cut off in its head', Buffer.from([1, 0])],
    ['longer than what there is', Buffer.concat([encodeRequest(veth).subarray(0, 30)])],
    ['shorter than a request', Buffer.from([8, 0, 0, 0, 0, 0, 0, 0])],
    ['with the place of the index beyond it', withIndexAt(encodeRequest(veth), 0xfff0)],
  ])('is a record %s, before it is sent', (_what, input) =>
    withNetwork((enter) => {
      const [file, ...argv] = [...enter, PROGRAM, '--make', LINK, LINK, INNER_LINK];
      const { status, stderr, stdout } = spawnSync(file, argv, { input, encoding: 'utf8' });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(/^fail 1 \d+ a record is /);
    }),
  );

  it('is more than 64 KiB, and a wrong number of words', () =>
    withNetwork((enter) => {
      const run = (words: string[], input: Buffer): string => {
        const [file = '', ...argv] = [...enter, PROGRAM, ...words];
        return spawnSync(file, argv, { input, encoding: 'utf8' }).stderr;
      };
      expect(run(['--make', LINK, LINK, INNER_LINK], Buffer.alloc(65_536))).toMatch(/^fail 0 \d+ records\n$/);
      expect(run([LINK, LINK], Buffer.alloc(0))).toMatch(/^usage: /);
    }));
});

function withIndexAt(record: Buffer, at: number): Buffer {
  record.writeUInt16LE(at, 6);
  return record;
}

async function until(look: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !look(); tries += 1) await new Promise((done) => setTimeout(done, 20));
}

describe('one that stays', () => {
  const veth = vethRequest(LINK, { rx: null, tx: null }, 1500);

  const withExchanger = (use: (exchanger: Exchanger, enter: string[]) => Promise<void>): Promise<void> =>
    withNetwork(async (enter) => {
      const exchanger = new Exchanger(enter, PROGRAM);
      await use(exchanger, enter).finally(() => exchanger.close());
    });

  it('does what one each would do, in turn, and what is refused does not end it', () =>
    withExchanger(async (exchanger) => {
      const shaped = [veth, ...shaperRequests(LINK, { rateBps: 8_000_000, patient: false, mtu: 1500 })];
      const jobs = await Promise.allSettled([
        exchanger.ask(asked(shaped)),
        exchanger.ask(asked(shaped)),
        exchanger.ask(asked([lookRequest(LINK)], false)),
      ]);
      expect(jobs[0]).toMatchObject({ status: 'fulfilled' });
      expect(jobs[1]).toMatchObject({
        status: 'rejected',
        reason: { message: expect.stringContaining(`namespace ${LINK}: File exists`) },
      });
      const looked = jobs[2].status === 'fulfilled' ? jobs[2].value : [];
      expect(shapersIn(looked, LINK).rx).toMatchObject({ rateBps: 8_000_000 });
    }));

  it('is started anew when it has ended, and says so of one that cannot be', () =>
    withExchanger(async (exchanger) => {
      await exchanger.ask(asked([veth]));
      const stayed = (): string[] =>
        spawnSync('pgrep', ['-f', `${PROGRAM} --serve`], { encoding: 'utf8' }).stdout.trim().split('\n');
      const [first = ''] = stayed();
      process.kill(Number(first), 'SIGKILL');
      while (stayed()[0] === first) await delay(5);
      await delay(50);
      await expect(exchanger.ask(asked([lookRequest(LINK)], false))).resolves.toEqual([]);
      const nowhere = new Exchanger([], '/nowhere');
      await expect(nowhere.ask(asked([]))).rejects.toThrow('/nowhere: ENOENT');
    }));

  it('tells what netfilter has, one request each', () =>
    withExchanger(async (exchanger, enter) => {
      const pool = { ipv4: CANDIDATES4[0], ipv6: CANDIDATES6[0] };
      const guards = { links4: [], all6: false };
      const rules: StackRules = {
        number: 2,
        addresses: addressesOf(pool, 2),
        txLimitBps: 8_000_000,
        allow: [{ family: 'ip', address: '192.0.2.0/24', port: 80 }],
        peers: [],
      };
      await exchanger.ask(asked([veth]));
      const look = () => exchanger.ask(asked(auditRequests(rules), false));
      expect(await look()).toEqual([]);
      nftBatch(enter, [...tableLines(pool, guards), ...stackLines(rules)]);
      const found = await look();
      expect(hasElements(found, rules)).toBe(true);
      expect(tamperedChain(found, pool, [guards], rules)).toBeNull();
      nftBatch(enter, ['flush chain inet compart outward', 'flush map inet compart ceilings']);
      const left = await look();
      expect(hasElements(left, rules)).toBe(false);
      expect(tamperedChain(left, pool, [guards], rules)).toBe('outward');
    }));
});
