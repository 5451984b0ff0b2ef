import { attachProcesses, type Attached } from '../compartments/attach.js';
import { createCompartment, openCompartment } from '../compartments/compartment.js';
import { watchEvents, type CompartmentEvent } from '../compartments/events.js';
import { lookForEscapes } from '../compartments/escape.js';
import { inspectCompartment, listCompartments, type Inspection } from '../compartments/inspect.js';
import { parseLimits, recordedLimits } from '../compartments/limits.js';
import { checkName, makeName } from '../compartments/names.js';
import { removeCompartment } from '../compartments/remove.js';
import type { SubsystemKind } from '../compartments/subsystem.js';
import { kindsOfRun } from '../compartments/subsystems.js';
import { unloadSubsystem } from '../compartments/unload.js';
import { groupPids } from '../host/cgroup/group.js';
import { NO_COMMAND } from '../state/record.js';
import { usageError } from '../shared/errors.js';
import { Handle } from './handle.js';
import { home } from './home.js';
import { limitTexts, type LimitOptions } from './limits.js';

/** What a compartment is made with. */
export interface CompartmentOptions extends LimitOptions {
  /** 1 to 63 of `a-z 0-9 . _ -`; made up if left out. */
  name?: string;
  labels?: Readonly<Record<string, string>>;
  /** Go without limits that this host cannot enforce, instead of refusing; `inspect` names them. */
  bestEffort?: boolean;
  /** Does it outlive this process? If not, which is so if left out, it is removed at the latest when this process has ended. */
  persistent?: boolean;
}

/**
 * A compartment that stays until it is removed: commands run in it ({@link Handle.exec}), one after the other or at once,
 * and share its limits. `await using` removes it, with what runs in it, at the end of the block.
 *
 * @example
 * await using pool = await Compartment.create({ mem: '1G', cpu: '150%' });
 * await Promise.all(jobs.map((job) => pool.exec('make', [job])));
 */
export class Compartment extends Handle implements AsyncDisposable {
  #release: () => void = () => undefined;

  /**
   * Makes one, with all its subsystems loaded and no process in it.
   * @throws ERR_COMPART_USAGE, ERR_COMPART_EXISTS, ERR_COMPART_UNSUPPORTED; nothing is left then
   */
  static async create(options: CompartmentOptions = {}): Promise<Compartment> {
    const { host } = home;
    const texts = limitTexts(options);
    const limits = parseLimits(texts, { host, workdir: '.' });
    const owned = options.persistent !== true;
    const release = owned ? home.hold() : () => undefined;
    try {
      const made = await createCompartment(host, {
        name: options.name === undefined ? makeName() : checkName(options.name),
        kinds: kindsOfRun(limits),
        limits,
        labels: { ...options.labels },
        spec: { ...NO_COMMAND, limits: recordedLimits(texts) },
        owned,
        bestEffort: options.bestEffort ?? false,
      });
      if (owned) made.store.save({ ...made.record, startedAt: Date.now() });
      const compartment = new Compartment(made);
      compartment.#release = release;
      return compartment;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** One that is there, whoever made it. @throws ERR_COMPART_NOT_FOUND, ERR_COMPART_USAGE for a guest */
  static async open(name: string): Promise<Compartment> {
    const found = await openCompartment(home.host, name);
    if (found.record.kind === 'guest') throw usageError(`"${name}" is a guest`, 'Guest.open(name)');
    return new Compartment(found);
  }

  /** All compartments and guests of this user, as `compart ps --json` shows them; what a crash has left is swept. */
  static async list(): Promise<Inspection[]> {
    const { compartments } = await listCompartments(home.host);
    const escapes = await lookForEscapes(home.host, compartments);
    return compartments.map((each) => inspectCompartment(each, escapes.get(each.record.id)));
  }

  /**
   * Puts this process under limits, with its threads and the children that it has; those that it starts later are born
   * inside. What `run` and `create` make stands beside it, with limits of its own. Memory that is held already stays charged
   * where it was: the limit counts from here on. Removing it, or `await using`, takes the limits off again.
   * @throws ERR_COMPART_ATTACH for `net`, which a running process cannot enter
   */
  static async self(options: CompartmentOptions): Promise<Compartment> {
    const compartment = await Compartment.create(options);
    try {
      await compartment.attach(process.pid);
      return compartment;
    } catch (error) {
      // Why it failed is what counts. What cannot be taken away now goes with this process (native/heir.c).
      await compartment.remove().catch(() => undefined);
      throw error;
    }
  }

  /** What happens in all compartments and guests, as `compart events`, while it is iterated over and until the signal. */
  static events(options: { signal?: AbortSignal } = {}): AsyncGenerator<CompartmentEvent> {
    return watchEvents(home.host, options.signal ?? new AbortController().signal);
  }

  /**
   * Moves running processes in, with their threads and all that descends from them; those that are in a compartment of their
   * own stay there.
   * @throws ERR_COMPART_ATTACH with the reason; then none was moved
   */
  async attach(pids: number | readonly number[]): Promise<Attached> {
    return attachProcesses(await this.open(), typeof pids === 'number' ? [pids] : pids);
  }

  /**
   * Takes a subsystem out, or all of them, and with the last the compartment: its processes go on without.
   * @throws ERR_COMPART_NOT_FOUND if that kind is not loaded
   */
  async unload(kind?: SubsystemKind): Promise<void> {
    await unloadSubsystem(await this.open(), kind ?? null);
    if (kind === undefined) this.#release();
  }

  /**
   * Removes it, and kills what runs in it; this process itself, if it is inside, goes on without limits, and so do the
   * others in it. One that is gone already is no error.
   */
  async remove(): Promise<void> {
    const there = await this.open().catch(() => null);
    if (there !== null) {
      if (groupPids(there.record.group).includes(process.pid)) await unloadSubsystem(there, null);
      else await removeCompartment(this.host, this.name, true);
    }
    this.#release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}
