import type { CompartmentEvent } from '../../compartments/events.js';
import { formatCpu } from '../../shared/units/cpu.js';
import { formatBitRate } from '../../shared/units/rate.js';
import { formatSize } from '../../shared/units/size.js';
import { Past } from './past.js';
import { NO_RATES, ratesBetween, readingOf, type Rates, type Reading } from './reading.js';
import type { Listed, Sample } from './wire.js';

/** One compartment as the page knows it. */
export interface Member {
  listed: Listed;
  reading: Reading;
  rates: Rates;
  past: Past;
}

/** All compartments that the server has told of. */
export class Fleet {
  readonly members = new Map<string, Member>();
  /** Unix time in milliseconds of the last sample, by the server's clock. */
  time = 0;

  /** @returns what there is to be told aloud */
  apply(sample: Sample): string[] {
    const seconds = (sample.time - this.time) / 1000;
    const fresh = new Map(sample.compartments.map((listed) => [listed.id, listed]));
    this.time = sample.time;
    for (const id of this.members.keys())
      if (sample.gone.includes(id) || (sample.full && !fresh.has(id))) this.members.delete(id);
    for (const [id, listed] of fresh) if (!this.members.has(id)) this.members.set(id, born(listed));
    for (const [id, member] of this.members) this.#advance(member, fresh.get(id) ?? member.listed, seconds);
    return sample.events.flatMap((event) => this.#note(event));
  }

  /** Nobody looked from now on: lines in plots must not go on over it. */
  gap(): void {
    for (const { past } of this.members.values()) past.add(this.time / 1000 + 0.5, null);
  }

  named(name: string): Member | null {
    return [...this.members.values()].find(({ listed }) => listed.name === name) ?? null;
  }

  #advance(member: Member, listed: Listed, seconds: number): void {
    const reading = readingOf(listed);
    const first = member.past.times.length === 0;
    member.rates = first ? NO_RATES : ratesBetween(member.reading, reading, seconds);
    member.listed = listed;
    member.reading = reading;
    member.past.add(this.time / 1000, { ...reading, ...member.rates });
  }

  #note(event: CompartmentEvent): string[] {
    const text = textOf(event);
    const kind = event.event;
    if (text === null) return [];
    if (kind === 'oom' || kind === 'limit')
      this.named(event.name)?.past.marks.push({ at: Date.parse(event.time) / 1000, kind, text });
    return kind === 'oom' ? [`${event.name}: ${text}`] : [];
  }
}

const born = (listed: Listed): Member => ({
  listed,
  reading: readingOf(listed),
  rates: NO_RATES,
  past: new Past(),
});

/** An event in words; null for what the page does not tell. */
export function textOf({ event, detail }: CompartmentEvent): string | null {
  if (event === 'oom') {
    const kills = Number(detail['oomKills'] ?? 1);
    return `out of memory, ${kills} ${kills === 1 ? 'process' : 'processes'} killed`;
  }
  return event === 'limit' ? `limits are now ${limitsText(detail['limits'])}` : null;
}

const SHOWN: ReadonlyArray<
  readonly [kind: string, key: string, label: string, show: (value: number) => string]
> = [
  ['vm', 'limitBytes', 'memory', formatSize],
  ['sched', 'limitCpus', 'CPU', formatCpu],
  ['net', 'rxLimitBps', 'download', formatBitRate],
  ['net', 'txLimitBps', 'upload', formatBitRate],
  ['pids', 'limit', 'tasks', String],
];

/** The limits that are there, in words. */
export function limitsText(limits: unknown): string {
  const of = limits as Record<string, Record<string, unknown> | undefined>;
  const parts = SHOWN.flatMap(([kind, key, label, show]) => {
    const value = of[kind]?.[key];
    return typeof value === 'number' ? [`${label} ${show(value)}`] : [];
  });
  return parts.join(', ') || 'none';
}
