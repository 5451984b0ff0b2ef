import { constants } from 'node:os';
import type { RunResult } from '../compartments/finish.js';
import { checkName, makeName } from '../compartments/names.js';
import { parseLimits, recordedLimits } from '../compartments/limits.js';
import { startRun, type RunRequest } from '../compartments/run.js';
import { signalCompartment } from '../compartments/signal.js';
import type { Host } from '../host/host.js';
import { home } from './home.js';
import { limitTexts } from './limits.js';
import { argvOf, readCommand, type CommandSpec, type OutputOf, type RunOptions } from './options.js';
import type { Ending } from './result.js';
import type { Started } from './started.js';
import { Subprocess } from './subprocess.js';

/**
 * Runs a command in a new compartment, held to the limits among the options; the compartment is gone when it has ended.
 * Everything that execa's options of the same names mean they mean here, but for stdin, which is `'ignore'` if left out.
 *
 * @example
 * const { stdout } = await run('node', ['visitor.js'], { mem: '64M', cpu: '20%', net: 'none', timeout: '2s' });
 * @throws (rejects) LimitError where a limit decided, RunError for any other bad end, CompartError ERR_COMPART_UNSUPPORTED
 * where this host cannot enforce a limit, ERR_COMPART_COMMAND_NOT_FOUND and others (docs/errors.md)
 */
export function run<const O extends RunOptions>(
  file: string,
  args: readonly string[],
  options?: O,
): Subprocess<OutputOf<O>>;
/** The same without arguments. */
export function run<const O extends RunOptions>(file: string, options?: O): Subprocess<OutputOf<O>>;
export function run(
  file: string,
  second: readonly string[] | RunOptions = [],
  third: RunOptions = {},
): Subprocess<unknown> {
  const [args, options] = wordsAnd(second, third);
  const { host } = home;
  const spec = readCommand(argvOf(file, args), options);
  const request = requestOf(host, spec, options);
  return new Subprocess(spec, (asked) => start(host, request, asked));
}

/** `(args, options)` or `(options)`. */
export function wordsAnd<O extends object>(
  second: readonly string[] | O,
  third: O,
): readonly [readonly string[], O] {
  return Array.isArray(second) ? [second as readonly string[], third] : [[], second as O];
}

/** The request for a compartment with a command. @throws ERR_COMPART_USAGE */
export function requestOf(
  host: Host,
  spec: CommandSpec,
  options: Omit<RunOptions, keyof CommandSpec>,
): RunRequest {
  const { argv, cwd, env, user, timeoutMs, stdio } = spec;
  const texts = limitTexts(options);
  return {
    name: options.name === undefined ? makeName() : checkName(options.name),
    limits: parseLimits(texts, { host, workdir: cwd ?? '.' }),
    labels: { ...options.labels },
    bestEffort: options.bestEffort ?? false,
    argv,
    env,
    unset: spec.unset,
    clearEnv: spec.clearEnv,
    workdir: cwd,
    user,
    stdio,
    graceMs: spec.graceMs,
    spec: {
      command: argv.length > 0 ? [...argv] : null,
      workdir: cwd ?? process.cwd(),
      user,
      env: Object.keys(env),
      timeoutMs,
      keep: false,
      detached: false,
      project: null,
      limits: recordedLimits(texts),
    },
  };
}

async function start(host: Host, request: RunRequest, spec: CommandSpec): Promise<Started> {
  const release = home.hold();
  const running = await startRun(host, request).catch((error: unknown) => {
    release();
    throw error;
  });
  const { compartment, pid, streams } = running;
  return {
    compartment,
    pid,
    streams,
    signal: (signal) => signalCompartment(compartment, constants.signals[signal]),
    ended: running.ended.finally(release).then((ended) => endingOf(ended, spec)),
  };
}

/** How a run ended, as its exit record tells. */
function endingOf({ record, line }: RunResult, { timeoutMs }: CommandSpec): Ending {
  const { exitCode, verdict, limitHit } = record;
  return {
    exit: { exitCode, signal: record.signal as NodeJS.Signals | null },
    verdict,
    limitHit,
    record,
    line,
    timedOut: timeoutMs !== null && verdict === 'timeout',
  };
}
