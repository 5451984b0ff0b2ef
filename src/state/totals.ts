import { Pace } from '../shared/pace.js';
import { idIn, Ledger, type Base, type Entry } from './ledger.js';
import { addUsage, laterUsage, type ExitReason, type Usage } from './usage.js';

/** Of the whole host, since its state folder was made (with /run: since boot): what exists and what is gone. */
export interface HostTotals {
  usage: Usage;
  exits: Partial<Record<ExitReason, number>>;
  created: number;
  removed: number;
  /** How the run of a compartment that still exists ended, by id. */
  reasons: ReadonlyMap<string, ExitReason>;
}

/** One compartment, from all that tells of it. */
interface Known {
  usage: Usage;
  reason: ExitReason | null;
}

/** A fold that comes in between is rare; one in each of these tries does not happen. */
const TRIES = 5;

/**
 * Adds up a ledger and what lives, again and again: each file is read once. Nothing goes down in the life of one reader,
 * not even where a compartment vanishes without a record (one that was damaged, a full disk).
 */
export class Totals {
  readonly #ledger: Ledger;
  readonly #entries = new Map<string, Entry>();
  /** What was last seen of compartments that no file tells of. */
  readonly #seen = new Map<string, Usage>();
  #seq = 0;

  constructor(stateRoot: string) {
    this.#ledger = new Ledger(stateRoot);
  }

  /**
   * @param live what exists by id, listed and read before this is called: what ends meanwhile has its file already, and
   * an id counts once
   */
  async read(live: ReadonlyMap<string, Usage>, pace: Pace): Promise<HostTotals> {
    let base = this.#ledger.base();
    for (let tries = 0; tries < TRIES; tries += 1) {
      await this.#readFiles(pace);
      const now = this.#ledger.base();
      const still = now.seq === base.seq;
      base = now;
      if (still) break;
    }
    await pace.rest();
    return this.#sum(base, live);
  }

  async #readFiles(pace: Pace): Promise<void> {
    const files = new Set(this.#ledger.files());
    for (const file of this.#entries.keys()) if (!files.has(file)) this.#entries.delete(file);
    for (const file of files) {
      if (this.#entries.has(file)) continue;
      const entry = this.#ledger.entry(file);
      if (entry !== null) this.#entries.set(file, entry);
      if (pace.isDue()) await pace.rest();
    }
  }

  #sum(base: Base, live: ReadonlyMap<string, Usage>): HostTotals {
    const folded = new Set(base.folded);
    // After more than one fold nobody knows any more what was in those before the last.
    const missed = base.seq > this.#seq + 1;
    this.#seq = base.seq;
    const known = new Map<string, Known>(Object.entries(base.kept));
    const exits = { ...base.exits };
    for (const [file, { id, usage, reason }] of this.#entries) {
      if (folded.has(file)) continue;
      if (reason !== null) exits[reason] = (exits[reason] ?? 0) + 1;
      const before = known.get(id);
      known.set(id, { usage: laterUsage(usage, before?.usage), reason: reason ?? before?.reason ?? null });
    }
    const reasons = new Map<string, ExitReason>();
    for (const [id, { reason }] of known) if (reason !== null && live.has(id)) reasons.set(id, reason);
    const foldedIds = new Set(base.folded.map(idIn));
    this.#addLiving(known, live, (id) => foldedIds.has(id) || (missed && !live.has(id)));
    const usage = { ...base.usage };
    for (const one of known.values()) addUsage(usage, one.usage);
    const gone = [...known.keys()].filter((id) => !live.has(id)).length;
    return { usage, exits, created: base.count + known.size, removed: base.count + gone, reasons };
  }

  /** What lives, and what was seen and is nowhere any more. */
  #addLiving(
    known: Map<string, Known>,
    live: ReadonlyMap<string, Usage>,
    isFolded: (id: string) => boolean,
  ): void {
    for (const [id, usage] of live) this.#seen.set(id, laterUsage(usage, this.#seen.get(id)));
    for (const [id, usage] of this.#seen) {
      const told = known.get(id);
      // Folded while it was listed as living: it is in the base.
      const inBase = told === undefined && isFolded(id);
      if (!live.has(id) && (inBase || told !== undefined)) this.#seen.delete(id);
      if (inBase) continue;
      known.set(id, { usage: laterUsage(usage, told?.usage), reason: told?.reason ?? null });
    }
  }
}
