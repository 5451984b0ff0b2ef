import type { LinkCounters } from '../../host/network/counters.js';
import type { Addresses } from '../../host/network/pool.js';
import type { Router } from '../../host/network/router.js';
import type { SubsystemRecord } from '../../state/record.js';
import type { NetLimits } from './limits.js';
import type { NetworkKind } from './shared.js';

/** What is on disk of a stack. */
export interface NetRecord extends SubsystemRecord {
  limits: NetLimits;
  handles: {
    network: NetworkKind;
    number: number;
    router: Router;
    addresses: Addresses | null;
    /** The largest packet of its link. */
    mtu: number;
    /** What `host.compart.internal` stands for, or null where no name is to be had for the host. */
    hostAddress: string | null;
    /** What the router's end of the link had carried before it was this compartment's; left out for nothing. */
    before?: LinkCounters;
  };
}

/** Readings in the shape of docs/cli.md; rx is what the compartment downloads. */
export interface NetStats {
  rxBytes: number | null;
  txBytes: number | null;
  rxPackets: number | null;
  txPackets: number | null;
  rxDropped: number | null;
  txDropped: number | null;
  rxLimitBps: number | null;
  txLimitBps: number | null;
  address: string | null;
  published: string[];
  /** Connections that --allow refused; null where everything may be reached. */
  refused: number | null;
}
