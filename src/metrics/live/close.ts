import type { Host } from '../../host/host.js';
import { QuickLook } from '../server/quick.js';
import { survey } from '../server/survey.js';
import { LiveMember } from './member.js';
import type { LiveStats } from './rates.js';

/** All compartments of this user, each counter of every subsystem in every pass, for a program that reads them. */
export class CloseFleet {
  /** By id, in the order of names. */
  members = new Map<string, LiveMember>();
  readonly #host: Host;
  readonly #quick = new QuickLook();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Reads once. */
  async pass(): Promise<void> {
    const now = new Map<string, LiveMember>();
    this.#quick.begin();
    for await (const [{ record }, listed] of survey(this.#host, (each) => this.#quick.look(each))) {
      const member = this.members.get(record.id) ?? new LiveMember(record);
      member.record = record;
      member.state = listed.state;
      const stats = Object.entries(listed.subsystems).map(([kind, subsystem]) => [kind, subsystem.stats]);
      member.heard(Object.fromEntries(stats) as LiveStats, performance.now());
      now.set(record.id, member);
    }
    this.members = now;
  }
}
