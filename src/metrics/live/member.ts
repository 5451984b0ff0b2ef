import type { CompartmentState } from '../../compartments/inspect.js';
import type { CompartmentRecord } from '../../state/record.js';
import { liveRates, NO_LIVE_RATES, type LiveKind, type LiveRates, type LiveStats } from './rates.js';

/** How long it is remembered what a compartment did. */
export const REMEMBERED_MS = 60_000;

/** What one compartment did up to a moment. */
export interface Moment {
  /** By the monotonic clock, in milliseconds. */
  at: number;
  rates: LiveRates;
  memoryBytes: number | null;
}

/** One compartment as it is looked at again and again. */
export class LiveMember {
  record: CompartmentRecord;
  state: CompartmentState = 'created';
  /** The last reading of each kind. */
  stats: LiveStats = {};
  rates: LiveRates = NO_LIVE_RATES;
  /** The last minute, oldest first. */
  past: Moment[] = [];
  readonly #readAt = new Map<LiveKind, number>();

  constructor(record: CompartmentRecord) {
    this.record = record;
  }

  /** Takes a reading of some kinds. The rates of each are those since that kind was last read. @param at monotonic, ms */
  heard(fresh: LiveStats, at: number): void {
    for (const kind of Object.keys(fresh) as LiveKind[]) {
      const one: LiveStats = { [kind]: fresh[kind] };
      const before = this.#readAt.get(kind);
      if (before !== undefined)
        this.rates = { ...this.rates, ...liveRates(this.stats, one, (at - before) / 1000) };
      this.#readAt.set(kind, at);
      this.stats = { ...this.stats, ...one };
    }
    this.past.push({ at, rates: this.rates, memoryBytes: this.stats.vm?.usageBytes ?? null });
    const fresher = this.past.findIndex((moment) => moment.at >= at - REMEMBERED_MS);
    if (fresher > 0) this.past.splice(0, fresher);
  }
}
