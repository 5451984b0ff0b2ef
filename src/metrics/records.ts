import type { CompartmentRecord } from '../state/record.js';
import type { Store } from '../state/store.js';

interface Known {
  stamp: string;
  record: CompartmentRecord;
}

/** The records of a store, each parsed once for as long as its file stays the same. */
export class Records {
  readonly #store: Store;
  readonly #known = new Map<string, Known>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Names of what there is; what is not there any more is forgotten. */
  names(): string[] {
    const names = this.#store.names();
    const present = new Set(names);
    for (const name of this.#known.keys()) if (!present.has(name)) this.#known.delete(name);
    return names;
  }

  /** @returns null where it is gone. @throws ERR_COMPART_STATE if it is damaged */
  read(name: string): CompartmentRecord | null {
    const stamp = this.#store.stampOf(name);
    const known = this.#known.get(name);
    if (stamp === null) return null;
    if (known?.stamp === stamp) return known.record;
    const record = this.#store.read(name);
    if (record !== null) this.#known.set(name, { stamp, record });
    return record;
  }
}
