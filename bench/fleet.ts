import { spawn, type ChildProcess } from 'node:child_process';
import { Host } from '../src/host/host.js';
import { attachProcesses } from '../src/compartments/attach.js';
import { createCompartment } from '../src/compartments/compartment.js';
import { removeCompartment } from '../src/compartments/remove.js';
import { kindsOfRun } from '../src/compartments/subsystems.js';

const MIB = 2 ** 20;

/** Compartments with limits, and one process that sleeps in each. */
export class Fleet {
  readonly #host: Host;
  readonly #children: ChildProcess[] = [];

  constructor(host: Host) {
    this.#host = host;
  }

  get size(): number {
    return this.#children.length;
  }

  /** Grows to this many. */
  async grow(size: number): Promise<void> {
    while (this.size < size) {
      const compartment = await createCompartment(this.#host, {
        name: `bench-${this.size}`,
        kinds: kindsOfRun({}),
        limits: { vm: { limitBytes: 64 * MIB }, sched: { limitCpus: 0.5 }, pids: { limit: 100 } },
        labels: {},
        spec: {
          command: null,
          workdir: null,
          user: null,
          env: [],
          timeoutMs: null,
          keep: false,
          detached: false,
          limits: {},
          project: null,
        },
        owned: false,
        bestEffort: false,
      });
      const child = spawn('sleep', ['3600'], { stdio: 'ignore' });
      this.#children.push(child);
      if (child.pid !== undefined) await attachProcesses(compartment, [child.pid]);
    }
  }

  async end(): Promise<void> {
    for (; this.size > 0; this.#children.pop())
      await removeCompartment(this.#host, `bench-${this.size - 1}`, true);
  }
}
