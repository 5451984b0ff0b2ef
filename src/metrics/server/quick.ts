import type { LinkCounters } from '../../host/network/counters.js';
import { readLinkCounters } from '../../host/network/counters.js';
import { routerProc } from '../../host/network/router.js';
import { linkOf } from '../../host/network/veth.js';
import type { Compartment } from '../../compartments/compartment.js';
import { fromInside } from '../../compartments/net/readings.js';
import type { NetRecord, NetStats } from '../../compartments/net/record.js';
import type { Listed } from '../page/wire.js';
import { lookClosely } from './survey.js';

/** How long what tc(8) and nft(8) said of a stack is good for, while nobody changes it. */
const GOOD_FOR_MS = 10_000;
/** How many old answers are asked for anew in one pass: each costs three processes. */
const RENEWALS = 5;

type Net = Listed['subsystems'][string];
interface Kept {
  record: string;
  at: number;
  net: Net;
}

/**
 * Reads compartments once a second: files each time, a network's shapers and rules, which cost processes, when its
 * record has changed and now and then.
 */
export class QuickLook {
  #kept = new Map<string, Kept>();
  #before = new Map<string, Kept>();
  #links = new Map<string, Map<string, LinkCounters>>();
  #renewals = 0;

  /** Begins a pass; what the one before the last knew of compartments that are gone is forgotten. */
  begin(): void {
    this.#before = this.#kept;
    this.#kept = new Map();
    this.#links = new Map();
    this.#renewals = RENEWALS;
  }

  look(compartment: Compartment): Listed {
    const { record } = compartment;
    const net = record.subsystems['net'] as NetRecord | undefined;
    if (net === undefined) return lookClosely(compartment);
    const text = JSON.stringify(net);
    const known = this.#before.get(record.id);
    if (known?.record !== text || this.#isOld(known)) return this.#closely(compartment, text);
    this.#kept.set(record.id, known);
    const { net: _net, ...rest } = record.subsystems;
    const listed = lookClosely({ ...compartment, record: { ...record, subsystems: rest } });
    return {
      ...listed,
      subsystems: { ...listed.subsystems, net: this.#counted(compartment, net, known.net) },
    };
  }

  #isOld({ at }: Kept): boolean {
    if (Date.now() - at < GOOD_FOR_MS || this.#renewals === 0) return false;
    this.#renewals -= 1;
    return true;
  }

  #closely(compartment: Compartment, record: string): Listed {
    const listed = lookClosely(compartment);
    const net = listed.subsystems['net'];
    if (net !== undefined) this.#kept.set(compartment.record.id, { record, at: Date.now(), net });
    return listed;
  }

  #counted({ host }: Compartment, { handles }: NetRecord, net: Net): Net {
    if (handles.addresses === null) return net;
    const proc = routerProc(handles.router, host.paths.proc);
    const links = this.#links.get(proc) ?? readLinkCounters(proc);
    this.#links.set(proc, links);
    const outer = links.get(linkOf(handles.number));
    // The next look that is close says what has become of it.
    if (outer === undefined) return net;
    const { rxBytes, txBytes, rxPackets, txPackets } = fromInside(outer, handles);
    return { ...net, stats: { ...(net.stats as NetStats), rxBytes, txBytes, rxPackets, txPackets } };
  }
}
