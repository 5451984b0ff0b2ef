import { PassThrough, pipeline, Readable, Writable } from 'node:stream';
import { CompartError } from '../shared/errors.js';
import type { CompartmentEvent } from '../compartments/events.js';
import { inspectCompartment, type Inspection } from '../compartments/inspect.js';
import { readStats } from '../compartments/readings.js';
import { setLimits } from '../kernel/set.js';
import { onAbort } from './abort.js';
import { failureOf } from './failure.js';
import { limitTexts, type ChangeOptions } from './limits.js';
import type { CommandSpec } from './options.js';
import { Collected, linesOf } from './output.js';
import { present, statusOf, type Ending, type Result } from './result.js';
import type { Started, Starter } from './started.js';
import type { Stats } from './stats.js';
import { watchOne } from './watch.js';

export type OutputName = 'stdout' | 'stderr';

const ignore = (): undefined => undefined;

/**
 * A command that runs: a promise of its {@link Result}, and the process itself. Rejects with a {@link RunError}, for a limit
 * a {@link LimitError}, where it did not end well, unless `reject: false` says otherwise; with another CompartError where
 * it could not be started. Iterating over it gives the lines of its stdout.
 *
 * `await using` kills it, with all that it has started, at the end of the block.
 */
export class Subprocess<T = string> implements Promise<Result<T>>, AsyncDisposable {
  readonly [Symbol.toStringTag] = 'Subprocess';
  /** Settles when the command has been started, or could not be. */
  readonly #started: Promise<Started>;
  readonly #spec: CommandSpec;
  readonly #result: Promise<Result<T>>;
  readonly #collected: Partial<Record<OutputName, Collected>> = {};
  readonly #proxies: Partial<Record<'stdin' | OutputName, PassThrough>> = {};
  #running: Started | null = null;
  #ended = false;
  #stopped: { why: 'canceled' | 'truncated' | 'killed'; reason: unknown } | null = null;
  #force: NodeJS.Timeout | null = null;

  /** @internal */
  constructor(spec: CommandSpec, start: Starter) {
    this.#spec = spec;
    this.#started = this.#start(start);
    this.#started.catch(ignore);
    this.#result = this.#wait();
  }

  /** Of the command, once it has been started; undefined before. A guest's command has that of its client on the host. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** Settles when the command has been started, with its pid. Rejects as the whole does. */
  async spawned(): Promise<number> {
    return (await this.#started).pid;
  }

  /** Writes to its stdin; null unless `stdin: 'pipe'`. */
  get stdin(): Writable | null {
    if (this.#spec.stdio[0] !== 'pipe' || this.#spec.input !== null) return null;
    return (this.#proxies.stdin ??= this.#proxy('stdin'));
  }

  /** What it writes to stdout, as a stream; null unless that is a pipe. Take it at once: it flows from the start. */
  get stdout(): Readable | null {
    return this.#output('stdout');
  }

  /** The same of stderr. */
  get stderr(): Readable | null {
    return this.#output('stderr');
  }

  /**
   * Signals everything in its compartment (in a compartment of others, and in a guest, the command's process group). Without
   * an argument it is `killSignal`, and SIGKILL `forceKillAfterDelay` ms later.
   */
  kill(signal?: NodeJS.Signals): void {
    if (signal === undefined) this.#stop('killed', undefined);
    else this.#running?.signal(signal);
  }

  /** One reading of every subsystem of its compartment. @throws ERR_COMPART_NOT_FOUND once it has ended */
  async stats(): Promise<Stats> {
    return readStats((await this.#alive()).compartment) as Stats;
  }

  /** Changes limits of its compartment at once, as {@link Handle.set}. @throws ERR_COMPART_NOT_FOUND once it has ended */
  async set(limits: ChangeOptions): Promise<Inspection> {
    const { host, record } = (await this.#alive()).compartment;
    return inspectCompartment(await setLimits(host, record.name, limitTexts(limits)));
  }

  /**
   * What happens in its compartment, within 200 ms, until it has ended: `created`, `oom`, `throttle`, `limit` (changed), and
   * of `run` its `exit`. Watches as long as it is iterated over.
   */
  async *events(options: { signal?: AbortSignal } = {}): AsyncGenerator<CompartmentEvent, void> {
    const { compartment, ended } = await this.#started;
    const record = ended.then(
      (ending) => ending.record,
      () => null,
    );
    yield* watchOne({ compartment, ended: record, signal: options.signal, fromStart: true });
  }

  /** The lines of one of its streams, no faster than they are taken; then throws if the command did not end well. */
  async *lines(from: OutputName = 'stdout'): AsyncGenerator<string, void> {
    this.#result.catch(ignore);
    const stream = this.#output(from);
    if (stream === null) throw new CompartError('ERR_COMPART_USAGE', `${from} is no pipe`);
    yield* linesOf(stream);
    await this.#result;
  }

  [Symbol.asyncIterator](): AsyncGenerator<string, void> {
    return this.lines();
  }

  /** Kills it if it runs, and waits for its end. Never rejects for how it ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#result.catch(ignore);
    this.#stop('killed', undefined, 'SIGKILL');
    await this.#result.catch(ignore);
  }

  then<A = Result<T>, B = never>(
    onFulfilled?: ((result: Result<T>) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#result.then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<Result<T> | B> {
    return this.#result.catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<Result<T>> {
    return this.#result.finally(onFinally);
  }

  async #alive(): Promise<Started> {
    const running = await this.#started;
    if (!this.#ended) return running;
    const { name } = running.compartment.record;
    throw new CompartError('ERR_COMPART_NOT_FOUND', `the command in "${name}" has ended`);
  }

  async #start(start: Starter): Promise<Started> {
    const { cancelSignal } = this.#spec;
    if (cancelSignal?.aborted === true) throw notStarted(cancelSignal.reason);
    const running = await start(this.#spec);
    this.#running = running;
    // Nobody may be waiting for the end yet.
    running.ended.catch(ignore);
    if (this.#stopped !== null) this.#send();
    return running;
  }

  async #wait(): Promise<Result<T>> {
    const { cancelSignal } = this.#spec;
    const began = performance.now();
    const unheard = cancelSignal && onAbort(cancelSignal, () => this.#stop('canceled', cancelSignal.reason));
    try {
      const running = await this.#started;
      const read = this.#connect(running);
      const ending = await running.ended;
      this.#ended = true;
      await read;
      return this.#settle(running, ending, performance.now() - began);
    } finally {
      this.#ended = true;
      unheard?.();
      if (this.#force !== null) clearTimeout(this.#force);
      for (const proxy of Object.values(this.#proxies)) if (this.#running === null) proxy.destroy();
    }
  }

  /** Feeds and reads the pipes. @returns when all has been collected that is to be */
  async #connect({ streams }: Started): Promise<void> {
    const { input, buffer, maxBuffer } = this.#spec;
    const { stdin } = streams;
    // Who does not read to the end is no error.
    stdin?.on('error', ignore);
    if (stdin !== null && input !== null) {
      if (input instanceof Readable) pipeline(input, stdin, ignore);
      else stdin.end(input);
    } else if (stdin !== null) {
      pipeline((this.#proxies.stdin ??= this.#proxy('stdin')), stdin, ignore);
    }
    const collect = async (name: OutputName): Promise<void> => {
      const stream = streams[name];
      const proxy = this.#proxies[name];
      if (stream === null) return;
      if (proxy !== undefined) pipeline(stream, proxy, ignore);
      if (!buffer) return;
      const collected = new Collected(maxBuffer, () => this.#stop('truncated', undefined));
      this.#collected[name] = collected;
      await collected.from(stream);
    };
    await Promise.all([collect('stdout'), collect('stderr')]);
  }

  #settle({ compartment: { record } }: Started, ending: Ending, durationMs: number): Result<T> {
    const { argv, timeoutMs, maxBuffer, reject } = this.#spec;
    const { exitCode, signal } = ending.exit;
    const why = ending.timedOut ? null : (this.#stopped?.why ?? null);
    const result: Result<T> = {
      command: argv,
      name: record.name,
      exitCode,
      signal,
      status: statusOf(ending),
      stdout: present(bytesOf(this.#collected.stdout), this.#spec) as T,
      stderr: present(bytesOf(this.#collected.stderr), this.#spec) as T,
      failed: exitCode !== 0 || ending.timedOut || why === 'canceled' || why === 'truncated',
      timedOut: ending.timedOut,
      canceled: why === 'canceled',
      truncated: why === 'truncated',
      verdict: ending.verdict,
      limitHit: ending.limitHit,
      record: ending.record,
      durationMs,
    };
    const asked = { timeoutMs, maxBuffer, reason: this.#stopped?.reason };
    const failure = failureOf(result, ending.line, asked);
    if (failure !== null && reject) throw failure;
    return result;
  }

  #proxy(name: 'stdin' | OutputName): PassThrough {
    if (name !== 'stdin' && this.#collected[name]?.isEmpty === false)
      throw new CompartError('ERR_COMPART_USAGE', `${name} has been read already`, {
        hint: 'take it before anything is awaited, or collect nothing: buffer: false',
      });
    const proxy = new PassThrough();
    proxy.on('error', ignore);
    if (this.#running !== null && name !== 'stdin') {
      const stream = this.#running.streams[name];
      if (stream === null) proxy.end();
      else pipeline(stream, proxy, ignore);
    }
    return proxy;
  }

  #output(name: OutputName): Readable | null {
    if (this.#spec.stdio[name === 'stdout' ? 1 : 2] !== 'pipe') return null;
    return (this.#proxies[name] ??= this.#proxy(name));
  }

  #stop(why: 'canceled' | 'truncated' | 'killed', reason: unknown, signal?: NodeJS.Signals): void {
    if (this.#ended) return;
    this.#stopped ??= { why, reason };
    if (this.#running !== null) this.#send(signal);
  }

  /** The first signal, and SIGKILL after the grace. */
  #send(signal = this.#spec.killSignal): void {
    const send = (which: NodeJS.Signals): void => {
      try {
        if (!this.#ended) this.#running?.signal(which);
      } catch {
        // It is about to be taken away.
      }
    };
    send(signal);
    if (signal !== 'SIGKILL') this.#force ??= setTimeout(() => send('SIGKILL'), this.#spec.graceMs);
  }
}

const bytesOf = (collected: Collected | undefined): Buffer => collected?.bytes() ?? Buffer.alloc(0);

function notStarted(reason: unknown): CompartError {
  return new CompartError('ERR_COMPART_CANCELED', 'canceled before the command was started', {
    cause: reason,
  });
}
