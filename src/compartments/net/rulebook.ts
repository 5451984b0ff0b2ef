import { mkdirSync } from 'node:fs';
import type { StackRules } from '../../host/network/table.js';
import { readJson, writeJson } from '../../state/json.js';

/** What the table holds of each stack, written before it is in force: from it the table can be made anew. */
export class Rulebook {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The rules of a stack, or null where it has none. */
  of(number: number): StackRules | null {
    return readJson(this.pathOf(number)) as StackRules | null;
  }

  note(rules: StackRules): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writeJson(this.pathOf(rules.number), rules);
  }

  /** Notes a stack, and with its peers that they reach it too. */
  add(rules: StackRules): void {
    this.note(rules);
    this.#tellPeers(rules, (peers) => [...new Set([...peers, rules.number])]);
  }

  /** Lets its peers forget a stack. */
  leavePeers(rules: StackRules): void {
    this.#tellPeers(rules, (peers) => peers.filter((peer) => peer !== rules.number));
  }

  pathOf(number: number): string {
    return `${this.folder}/${number}.json`;
  }

  #tellPeers({ peers }: StackRules, change: (peers: number[]) => number[]): void {
    for (const peer of peers) {
      const rules = this.of(peer);
      if (rules !== null) this.note({ ...rules, peers: change(rules.peers) });
    }
  }
}
