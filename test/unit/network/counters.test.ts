import { describe, expect, it } from '@jest/globals';
import { parseLinkCounters } from '../../../src/host/network/counters.js';

const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 8133751120  190801    0    0    0     0          0         0 8133751120  190801    0    0    0     0       0          0
compart2:1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0
eth0.100: 9007199254740991  92457    0    0    0     0          0         0 13272944   73263    0    0    0     0       0          0
`;

describe('what the links have carried', () => {
  it('is read by name, also where the number touches it and where the name has a dot', () => {
    const links = parseLinkCounters(DEV);
    expect([...links.keys()]).toEqual(['lo', 'compart2', 'eth0.100']);
    expect(links.get('compart2')).toEqual({
      rxBytes: 1000,
      rxPackets: 10,
      rxErrors: 1,
      rxDropped: 2,
      txBytes: 2000,
      txPackets: 20,
      txErrors: 3,
      txDropped: 4,
    });
    expect(links.get('eth0.100')).toMatchObject({ rxBytes: 9007199254740991, txBytes: 13272944 });
  });

  it('is nothing where there is nothing', () => {
    expect(parseLinkCounters('').size).toBe(0);
    expect(parseLinkCounters(DEV.split('\n').slice(0, 2).join('\n')).size).toBe(0);
  });
});
