import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  GSO_MAX_BYTES,
  parseQdiscs,
  shapeOf,
  shaperLines,
  unshapeLine,
} from '../../../src/host/network/qdisc.js';
import { gsoLine, innerLines, isLink, linkOf, outerLines } from '../../../src/host/network/veth.js';
import { said } from '../units/wrong.js';

const FULL_PACKET = 1514;
const rates = fc.integer({ min: 1000, max: 1e11 });
const NOTHING = { rateBps: 1e7, delayUs: null, lossPercent: null, patient: false, mtu: 1500, stands: false };

describe('the shape of a rate', () => {
  it.each([
    [8_000, 5000, 3000],
    [1e6, 5000, 3000],
    [1e7, 6250, 3000],
    [1e8, 62_500, 25_000],
    [1e9, 625_000, GSO_MAX_BYTES],
    [1e11, 62_500_000, GSO_MAX_BYTES],
  ])('of %d bit/s lets bursts of %d bytes and packets of %d pass', (rate, burstBytes, gsoBytes) => {
    expect(shapeOf(rate)).toEqual({ burstBytes, gsoBytes });
  });

  it('takes a full packet at any rate, and the largest that segmentation builds for it', () => {
    fc.assert(
      fc.property(rates, (rate) => {
        const { burstBytes, gsoBytes } = shapeOf(rate);
        expect(gsoBytes).toBeGreaterThan(FULL_PACKET);
        expect(gsoBytes).toBeLessThanOrEqual(GSO_MAX_BYTES);
        // A packet larger than the burst would never pass (tc-tbf(8)).
        expect(burstBytes).toBeGreaterThan(gsoBytes);
      }),
    );
  });

  it('never shrinks as the rate grows, and holds no more than 5 ms of it or three full packets', () => {
    fc.assert(
      fc.property(rates, rates, (one, other) => {
        const [slow, fast] = [shapeOf(Math.min(one, other)), shapeOf(Math.max(one, other))];
        expect(slow.burstBytes).toBeLessThanOrEqual(fast.burstBytes);
        expect(slow.gsoBytes).toBeLessThanOrEqual(fast.gsoBytes);
        const { burstBytes } = shapeOf(one);
        expect(burstBytes <= 5000 || burstBytes <= Math.ceil((one / 8) * 0.005)).toBe(true);
      }),
    );
  });
});

describe('the lines for tc', () => {
  const TBF = 'qdisc replace dev x root handle 1: tbf rate 10000000bit burst 6250b latency 50ms';

  it('put a bucket on the link, what is urgent first below it, try a fair queue in its place, and show all', () => {
    const lines = shaperLines('x', NOTHING);
    expect(lines[0]).toBe(TBF);
    expect(lines[1]).toBe('qdisc replace dev x parent 1:1 handle 10: htb default 2');
    expect(lines[5]).toBe('qdisc replace dev x parent 10:2 handle 12: bfifo limit 68750');
    expect(lines[6]).toMatch(/^filter replace dev x parent 10: .* bytecode "35,40 0 0 .*" classid 10:1$/);
    expect(lines.slice(7)).toEqual([
      'qdisc replace dev x parent 1:1 handle 30: fq_codel',
      'qdisc show dev x',
    ]);
  });

  it('leave the queues of a shaper that stands, but for what the second holds', () => {
    expect(shaperLines('x', { ...NOTHING, stands: true })).toEqual([
      TBF,
      'qdisc replace dev x parent 10:2 handle 12: bfifo limit 68750',
      'qdisc show dev x',
    ]);
  });

  it('put the delay in place of the queues where one is asked', () => {
    expect(shaperLines('x', { ...NOTHING, delayUs: 50_000, lossPercent: 0.5 })).toEqual([
      TBF,
      'qdisc replace dev x parent 1:1 handle 20: netem delay 50000us loss 0.5% limit 1000000',
      'qdisc show dev x',
    ]);
  });

  it('let more wait, and drop nothing early, where a process in user space sends, at rates at which that is more', () => {
    const slow = shaperLines('x', { ...NOTHING, patient: true });
    expect(slow[0]).toMatch(/burst 6250b limit 1572864b$/);
    expect(slow[5]).toMatch(/bfifo limit 1572864$/);
    expect(slow[7]).toMatch(/fq_codel target 1s interval 10s memory_limit 1572864b$/);
    expect(shaperLines('x', { ...NOTHING, rateBps: 1e9, patient: true })[0]).toMatch(
      /burst 625000b latency 50ms$/,
    );
  });

  it('take the largest packet of the link in one burst', () => {
    expect(shaperLines('x', { ...NOTHING, mtu: 65_520 })[0]).toMatch(/burst 65534b/);
  });

  it('put the delay on the link itself where there is no rate, and nothing where nothing is asked', () => {
    expect(shaperLines('x', { ...NOTHING, rateBps: null, delayUs: 1000 })).toEqual([
      'qdisc replace dev x root handle 1: netem delay 1000us limit 1000000',
      'qdisc show dev x',
    ]);
    expect(shaperLines('x', { ...NOTHING, rateBps: null })).toEqual(['qdisc show dev x']);
    expect(unshapeLine('x')).toBe('qdisc del dev x root');
  });
});

describe('what tc printed', () => {
  const TBF =
    '[{"kind":"tbf","handle":"1:","dev":"compart2","root":true,"refcnt":3,"options":{"rate":1250000,"burst":6250,"lat":50000},"bytes":110,"packets":1,"drops":7,"overlimits":0,"requeues":0,"backlog":0,"qlen":0}]';
  const FAIR =
    '[{"kind":"tbf","handle":"1:","root":true,"refcnt":2,"options":{"rate":125000,"burst":5000,"lat":50000},"bytes":0,"packets":0,"drops":0},{"kind":"fq_codel","handle":"10:","parent":"1:1","options":{"limit":10240,"flows":1024,"quantum":1514,"target":4999,"interval":99999,"memory_limit":33554432,"ecn":true,"drop_batch":64},"drops":3}]';
  const NONE = '[{"kind":"noqueue","handle":"0:","dev":"eth0","root":true,"refcnt":2,"options":{}}]';

  it('tells the rate in bits per second and the packets that were dropped', () => {
    expect(parseQdiscs(TBF)).toMatchObject([{ kind: 'tbf', root: true, rateBps: 1e7, drops: 7 }]);
    expect(parseQdiscs(FAIR)).toMatchObject([
      { kind: 'tbf', root: true, rateBps: 1e6, drops: 0 },
      { kind: 'fq_codel', root: false, rateBps: null, drops: 3 },
    ]);
    expect(parseQdiscs(NONE)).toMatchObject([{ kind: 'noqueue', root: true, rateBps: null, drops: 0 }]);
  });

  it('may be an answer for each command of a batch, or nothing', () => {
    expect(parseQdiscs(`${TBF}\n\n${NONE}\n`).map(({ kind }) => kind)).toEqual(['tbf', 'noqueue']);
    expect(parseQdiscs('\n')).toEqual([]);
  });

  it.each(['qdisc tbf 1: root refcnt 2', '[{"kind":', 'null'])('is an error where it is %j', (text) => {
    expect(said(() => parseQdiscs(text))).toMatchObject({
      code: 'ERR_COMPART_KERNEL',
      message: `tc printed what cannot be read: ${text}`,
    });
  });
});

describe('the lines for ip', () => {
  const addresses = { ipv4: '10.0.0.2', gateway4: '10.0.0.1', ipv6: 'fd00::2', gateway6: 'fd00::1' };
  const v4 = { ...addresses, ipv6: null, gateway6: null };
  const limits = { rx: 3000, tx: null };

  it('have the gateway and the stack as each other’s only peer, and a route to it once the link is up', () => {
    expect(outerLines('n', 'x', addresses, limits, 1500)).toEqual([
      'netns add n',
      'link add x mtu 1500 gso_max_size 3000 type veth peer name eth0 mtu 1500 netns n',
      'addr add 10.0.0.1 peer 10.0.0.2 dev x',
      'addr add fd00::1 peer fd00::2 dev x nodad',
      'link set x up',
      'route replace fd00::2/128 dev x',
    ]);
    expect(outerLines('n', 'x', v4, limits, 1500).join('\n')).not.toMatch(/::|null/);
  });

  it('give a way out inside, for IPv6 only where the host has one', () => {
    const routes = (lines: string[]): string[] => lines.filter((line) => line.startsWith('route'));
    expect(routes(innerLines(addresses, limits, true))).toEqual([
      'route add default via 10.0.0.1 dev eth0 onlink',
      'route add default via fd00::1 dev eth0 onlink',
    ]);
    expect(routes(innerLines(addresses, limits, false))).toHaveLength(1);
    expect(routes(innerLines(v4, limits, true))).toHaveLength(1);
    expect(innerLines(v4, limits, true).join('\n')).not.toMatch(/::|null/);
  });

  it('give a link that is not limited any more the kernel’s own size of packets back', () => {
    expect(gsoLine('x', 3000)).toBe('link set x gso_max_size 3000');
    expect(gsoLine('x', null)).toBe('link set x gso_max_size 65536');
  });

  it('call every link by a name that the kernel takes and that gc knows for compart’s', () => {
    for (const number of [2, 4094]) {
      expect(linkOf(number).length).toBeLessThanOrEqual(15);
      expect(isLink(linkOf(number))).toBe(true);
    }
    for (const foreign of ['compart', 'compart-lan', 'compart2x', 'xcompart2', 'eth0'])
      expect(isLink(foreign)).toBe(false);
  });
});
