import type { Host } from '../../host/host.js';
import type { CpuStats, MemoryStats } from '../../host/cgroup/driver.js';
import type { Compartment } from '../../compartments/compartment.js';
import { EscapeWatch } from '../../compartments/escape.js';
import {
  changesOf,
  exitEvents,
  oomKillsOf,
  toldOf,
  watchEnds,
  type CompartmentEvent,
  type Ends,
  type Seen,
} from '../../compartments/events.js';
import type { Listed, Sample } from '../page/wire.js';
import { QuickLook } from './quick.js';
import { survey } from './survey.js';

/** What one pass found, as JSON of a {@link Sample}. */
export interface Pass {
  /** What is other than a pass ago. */
  changed: string;
  /** Everything; made when it is asked for. */
  all(): string;
}

type Head = Omit<Sample, 'compartments'>;

/** Looks at all compartments again and again, and says what is new. */
export class Watch {
  readonly #host: Host;
  readonly #ends: Ends;
  readonly #quick = new QuickLook();
  readonly #escapes = new EscapeWatch();
  readonly #seen = new Map<string, Seen>();
  /** JSON of each compartment as it was last seen, by id. */
  #known = new Map<string, string>();
  #first = true;

  /** @throws ERR_COMPART_STATE if the history cannot be watched */
  constructor(host: Host) {
    this.#host = host;
    this.#ends = watchEnds(host);
  }

  async pass(): Promise<Pass> {
    const now = new Map<string, string>();
    const changed: string[] = [];
    const events: CompartmentEvent[] = [];
    this.#quick.begin();
    const look = (each: Compartment): Listed => this.#quick.look(each);
    const lookOutside: EscapeWatch['look'] = (host, all) => this.#escapes.look(host, all);
    for await (const [compartment, listed] of survey(this.#host, look, lookOutside)) {
      const { record } = compartment;
      const { vm, sched } = listed.subsystems as Record<string, { stats: unknown } | undefined>;
      const memory = vm?.stats as MemoryStats | undefined;
      events.push(
        ...changesOf(
          record,
          oomKillsOf(compartment, memory),
          sched?.stats as CpuStats | undefined,
          toldOf(compartment, listed.escaped),
          this.#seen,
          this.#first,
        ),
      );
      const text = JSON.stringify(listed);
      now.set(record.id, text);
      if (this.#known.get(record.id) !== text) changed.push(text);
    }
    for (const ended of this.#ends.take()) events.push(...exitEvents(ended, this.#seen));
    const gone = [...this.#known.keys()].filter((id) => !now.has(id));
    for (const id of gone) this.#seen.delete(id);
    this.#known = now;
    this.#first = false;
    const head = { time: Date.now(), gone, events: events.filter(({ event }) => event !== 'throttle') };
    return {
      changed: sampleText({ ...head, full: false }, changed),
      all: () => sampleText({ ...head, full: true }, [...now.values()]),
    };
  }

  close(): void {
    this.#ends.close();
  }
}

const sampleText = (head: Head, compartments: readonly string[]): string =>
  `${JSON.stringify(head).slice(0, -1)},"compartments":[${compartments.join(',')}]}`;
