import type { Family } from './family.js';
import type { HostSnapshot } from './snapshot.js';
import { GUEST } from './table-guest.js';
import { HOST } from './table-host.js';
import { LIFE, type Seen } from './table-life.js';
import { MEMORY } from './table-memory.js';
import { NETWORK } from './table-network.js';
import { USE } from './table-use.js';

/**
 * The table of all metrics: what is exposed, docs/metrics.md and the collectors of a user's own registry all follow
 * from it, in this order.
 */
export const OF_COMPARTMENTS: ReadonlyArray<Family<Seen>> = [
  ...LIFE,
  ...MEMORY,
  ...USE,
  ...NETWORK,
  ...GUEST,
];
export const OF_HOST: ReadonlyArray<Family<HostSnapshot>> = HOST;
