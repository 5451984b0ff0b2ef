import { killCompartment, freezeCompartment, parseSignal } from '../compartments/control.js';
import { openCompartment, type Compartment as Record } from '../compartments/compartment.js';
import { watchEnds, type CompartmentEvent } from '../compartments/events.js';
import { inspectCompartment, type Inspection } from '../compartments/inspect.js';
import { readStats } from '../compartments/readings.js';
import type { Host } from '../host/host.js';
import { setLimits } from '../kernel/set.js';
import { CompartError } from '../shared/errors.js';
import type { ExitRecord } from '../state/history.js';
import { startIn } from './exec.js';
import { limitTexts, type ChangeOptions } from './limits.js';
import { argvOf, readCommand, type CommandOptions, type OutputOf } from './options.js';
import { wordsAnd } from './run.js';
import type { Stats } from './stats.js';
import { Subprocess } from './subprocess.js';
import { watchOne } from './watch.js';

/** Options of {@link Handle.spawn}: nothing is collected, stdin is a pipe, and a bad end is told by the result. */
const AS_PROCESS = { stdin: 'pipe', buffer: false, reject: false } as const;

/** A compartment or a guest that is there, by its name: what can be done with either. */
export abstract class Handle {
  readonly name: string;
  /** Tells two of the same name apart. */
  readonly id: string;
  /** @internal */
  protected readonly host: Host;

  /** @internal */
  protected constructor({ host, record }: Record) {
    this.host = host;
    this.name = record.name;
    this.id = record.id;
  }

  /**
   * Runs a command in it. A limit that is met meanwhile and decides is a LimitError; `record` of the result is null, as the
   * compartment goes on. Signals and the timeout reach the command's process group; what leaves that for a session of its
   * own is in the compartment still, and `kill()` reaches it.
   */
  exec<const O extends CommandOptions>(
    file: string,
    args: readonly string[],
    options?: O,
  ): Subprocess<OutputOf<O>>;
  /** The same without arguments. */
  exec<const O extends CommandOptions>(file: string, options?: O): Subprocess<OutputOf<O>>;
  exec(
    file: string,
    second: readonly string[] | CommandOptions = [],
    third: CommandOptions = {},
  ): Subprocess<unknown> {
    const [args, options] = wordsAnd(second, third);
    const spec = readCommand(argvOf(file, args), options);
    return new Subprocess(spec, (asked) => startIn(this.host, this.name, this.id, asked));
  }

  /**
   * Starts a command to talk to: {@link exec} with `stdin: 'pipe'`, `buffer: false` and `reject: false`, unless the options
   * say otherwise.
   */
  spawn(file: string, args: readonly string[] = [], options: CommandOptions = {}): Subprocess {
    return this.exec(file, args, { ...AS_PROCESS, ...options } as typeof AS_PROCESS);
  }

  /**
   * Changes limits at once, of what runs; all of them or none.
   * @returns it as it is then, with what the kernel says is in force
   * @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED, ERR_COMPART_BUSY where memory in use cannot be reclaimed
   */
  async set(limits: ChangeOptions): Promise<Inspection> {
    await this.open();
    return inspectCompartment(await setLimits(this.host, this.name, limitTexts(limits)));
  }

  /** One reading of every subsystem. */
  async stats(): Promise<Stats> {
    return readStats(await this.open()) as Stats;
  }

  /** All that is known of it; the shape of `compart inspect`. */
  async inspect(): Promise<Inspection> {
    return inspectCompartment(await this.open());
  }

  /** Stops every process in it where it is. @throws ERR_COMPART_UNSUPPORTED where there is no freezer */
  async freeze(): Promise<void> {
    await this.open();
    await freezeCompartment(this.host, this.name, true);
  }

  /** Lets what was frozen go on. */
  async thaw(): Promise<void> {
    await this.open();
    await freezeCompartment(this.host, this.name, false);
  }

  /**
   * Signals every process in it; none escapes by forking. After SIGKILL, which it is if left out, it is empty.
   * @throws ERR_COMPART_BUSY if something does not die
   */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.open();
    await killCompartment(this.host, this.name, parseSignal(signal));
  }

  /**
   * What happens in it, within 200 ms, until it is gone: `oom`, `throttle`, `limit` (changed), `exit`. Watches as long as
   * it is iterated over.
   */
  async *events(options: { signal?: AbortSignal } = {}): AsyncGenerator<CompartmentEvent, void> {
    const compartment = await this.open();
    const ends = watchEnds(this.host);
    const stop = new AbortController();
    try {
      const ended = this.gone(stop.signal, ends);
      yield* watchOne({ compartment, ended, signal: options.signal, fromStart: false });
    } finally {
      stop.abort();
      ends.close();
    }
  }

  /** @internal @throws ERR_COMPART_NOT_FOUND where it is gone, though its name may be another's */
  protected async open(): Promise<Record> {
    const compartment = await openCompartment(this.host, this.name);
    if (compartment.record.id === this.id) return compartment;
    throw new CompartError('ERR_COMPART_NOT_FOUND', `"${this.name}" is another compartment by now`);
  }

  /** Its exit record when it is gone, null where there is none. */
  private async gone(signal: AbortSignal, ends: ReturnType<typeof watchEnds>): Promise<ExitRecord | null> {
    while (!signal.aborted) {
      const isThere = await this.open().then(
        () => true,
        () => false,
      );
      // What went a moment ago may not have been told yet.
      await new Promise((resolve) => setTimeout(resolve, isThere ? 200 : 20));
      const exit = ends.take().find(({ id }) => id === this.id);
      if (exit !== undefined) return exit;
      if (!isThere) return null;
    }
    return null;
  }
}
