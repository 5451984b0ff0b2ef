import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressBytes } from '../../../src/host/network/link-requests.js';
import {
  decodeAttributes,
  decodeMessages,
  encodeAttributes,
  encodeRequest,
  u32,
} from '../../../src/host/network/netlink.js';
import { lookRequest, shaperRequests, shapersIn } from '../../../src/host/network/qdisc-requests.js';

const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each));

describe('attributes', () => {
  it('are read as they were written, whatever their lengths', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), bytes), { selector: ([type]) => type }),
        (list) => {
          const encoded = encodeAttributes(list);
          expect(encoded.length % 4).toBe(0);
          expect([...decodeAttributes(encoded)]).toEqual(list);
        },
      ),
    );
  });

  it('hold numbers of 32 and 64 bits, text with its NUL, and attributes in them', () => {
    expect(encodeAttributes([[3, 'eth0']]).toString('hex')).toBe('0900030065746830' + '00000000');
    expect(encodeAttributes([[4, 1500]]).toString('hex')).toBe('08000400dc050000');
    expect(encodeAttributes([[4, 2n ** 40n]]).toString('hex')).toBe('0c000400' + '0000000000010000');
    expect(encodeAttributes([[2, [[1, 7]]]]).toString('hex')).toBe('0c000280' + '0800010007000000');
  });

  it('that are cut off end the reading', () => {
    fc.assert(
      fc.property(bytes, (each) => {
        for (const [, value] of decodeAttributes(each)) expect(value.length).toBeLessThan(each.length);
      }),
    );
  });
});

describe('an address', () => {
  it.each([
    ['10.210.0.2', '0ad20002'],
    ['fd63:6f6d:7061:7274::2', 'fd636f6d706172740000000000000002'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ])('%s is %s', (text, hex) => {
    expect(addressBytes(text).toString('hex')).toBe(hex);
  });
});

describe('a record', () => {
  it('says its length, where it goes, what may be, and where the index goes', () => {
    const record = encodeRequest(lookRequest('eth0'));
    expect(record.readUInt32LE(0)).toBe(record.length);
    expect([...record.subarray(4, 8)]).toEqual([1, 1, 16 + 4, 0]);
    expect(record.readUInt32LE(8)).toBe(record.length - 8);
    // RTM_GETQDISC, the root.
    expect(record.readUInt16LE(12)).toBe(38);
    expect(record.readUInt32LE(8 + 16 + 12)).toBe(0xffffffff);
  });

  it('of a stack without a limit is none, of one with a limit is never large', () => {
    expect(shaperRequests('compart2', { rateBps: null, patient: false, mtu: 1500 })).toEqual([]);
    fc.assert(
      fc.property(fc.integer({ min: 8000, max: 2 ** 40 }), fc.boolean(), (rateBps, patient) => {
        const requests = shaperRequests('compart2', { rateBps, patient, mtu: 1500 });
        const size = requests.reduce((sum, each) => sum + encodeRequest(each).length, 0);
        expect(size).toBeLessThan(4096);
      }),
    );
  });
});

/** An answer of Linux 6.18 to {@link lookRequest}, put together from what it says. */
function answer(sequence: number, bytesPerSecond: number | bigint): string {
  const small = typeof bytesPerSecond === 'number' ? bytesPerSecond : 0xffffffff;
  const rate = Buffer.concat([Buffer.alloc(8), u32(small), Buffer.alloc(24)]);
  const body = Buffer.concat([
    u32(0, 2, 0x10000, 0xffffffff, 2),
    encodeAttributes([
      [1, 'tbf'],
      [2, [[1, rate], ...(typeof bytesPerSecond === 'bigint' ? [[4, bytesPerSecond] as const] : [])]],
      [
        7,
        [
          [1, Buffer.concat([u32(5_000_000, 0, 3300, 0)])],
          [3, u32(4, 6000, 12, 0, 99)],
        ],
      ],
    ]),
  ]);
  const header = Buffer.concat([u32(16 + body.length), Buffer.from([36, 0, 0, 0]), u32(sequence, 0)]);
  return Buffer.concat([header, body]).toString('hex');
}

describe('what the kernel says of shapers', () => {
  it('is told apart by the sequence of the request, and read with its counters', () => {
    const text = `${answer(2, 1_250_000)}\n${answer(1, 5_000_000_000n)}\n`;
    const { rx, tx } = shapersIn(decodeMessages(text), 'compart2');
    expect(rx).toEqual({
      kind: 'tbf',
      link: 'compart2',
      root: true,
      rateBps: 10e6,
      bytes: 5_000_000,
      drops: 12,
      overlimits: 99,
      backlogBytes: 6000,
      backlogPackets: 4,
    });
    expect(tx).toMatchObject({ link: 'eth0', rateBps: 40e9 });
  });

  it('is nothing where it says nothing', () => {
    expect(shapersIn(decodeMessages(''), 'compart2')).toEqual({ rx: null, tx: null });
  });
});
