import { usageError } from '../shared/errors.js';
import { parseDuration } from '../shared/units/duration.js';
import type { FileEntry } from '../compartments/file.js';
import { parseLimits, recordedLimits, type LimitTexts } from '../compartments/limits.js';
import { checkName, makeName } from '../compartments/names.js';
import type { RunRequest } from '../compartments/run.js';
import { lookUpUser } from '../host/users.js';
import type { Host } from '../host/host.js';
import { OPTIONS, SET_FLAGS } from './options.js';
import type { Args } from './parse.js';

/** The texts of all limit flags that were given. */
export function limitTexts(args: Args): LimitTexts {
  const given: LimitTexts = {};
  for (const flag of SET_FLAGS) {
    const texts = args.texts(flag);
    const last = texts.at(-1);
    if (last !== undefined) given[flag] = OPTIONS[flag]?.repeatable ? texts : last;
  }
  return given;
}

/** `K=V` texts of a repeatable flag as a record. */
export function pairs(args: Args, flag: string): Record<string, string> {
  return Object.fromEntries(
    args.texts(flag).map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1)
        throw usageError(`--${flag}: "${text}" is not of the form K=V`, `as in --${flag} team=web`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

const timeoutOf = (args: Args): number | null => {
  const text = args.text('timeout');
  if (text === null) return null;
  try {
    return parseDuration(text);
  } catch (error) {
    throw usageError(`--timeout: ${(error as Error).message}`, 'accepted: 500ms, 30s, 5m, 1h30m');
  }
};

/** @throws ERR_COMPART_USAGE for an empty text; whether the directory is there shows when the command is in it */
export function workdirOf(args: Args): string | null {
  const text = args.text('workdir');
  if (text === '') throw usageError('--workdir: "" is not a directory', 'leave it out to stay in this one');
  return text;
}

/** Throws an error again, with the line of the file that caused it, unless a flag did. */
export function blameFile(args: Args, entry: FileEntry, error: unknown): never {
  // Messages start with the flag that is wrong.
  const flag = error instanceof Error ? /^--([a-z-]+)/.exec(error.message)?.[1] : undefined;
  if (flag !== undefined && args.texts(flag).length > 0) throw error;
  return entry.blame(flag ?? entry.name, error);
}

/** The request that `run` and `up` share: flags over the entry of a file, if there is one. */
export function runRequest(host: Host, args: Args, entry: FileEntry | null): Omit<RunRequest, 'stdio'> {
  try {
    return requestOf(host, args, entry);
  } catch (error) {
    if (entry === null) throw error;
    return blameFile(args, entry, error);
  }
}

/** A guest with a root of its own has users of its own; whether it has this one shows when the command is in it. */
function hasUsersOfHost(args: Args, entry: FileEntry | null): boolean {
  const root = args.text('root') ?? entry?.guest?.['root'] ?? 'host';
  return root === 'host';
}

function requestOf(host: Host, args: Args, entry: FileEntry | null): Omit<RunRequest, 'stdio'> {
  const name = args.text('name');
  const workdir = workdirOf(args) ?? entry?.workdir ?? null;
  const user = args.text('user') ?? entry?.user ?? null;
  const command = args.words.length > 0 ? args.words : (entry?.command ?? []);
  const texts = { ...entry?.limits, ...limitTexts(args) };
  if (user !== null && hasUsersOfHost(args, entry)) lookUpUser(user);
  const env = { ...entry?.env, ...pairs(args, 'env') };
  return {
    name: name === null ? (entry?.name ?? makeName()) : checkName(name),
    limits: parseLimits(texts, { host, workdir: workdir ?? '.' }),
    labels: { ...entry?.labels, ...pairs(args, 'label') },
    bestEffort: args.on('best-effort'),
    argv: command,
    env,
    workdir,
    user,
    spec: {
      command: command.length > 0 ? command : null,
      workdir: workdir ?? host.caller.cwd,
      user,
      env: Object.keys(env),
      timeoutMs: timeoutOf(args) ?? entry?.timeoutMs ?? null,
      keep: args.on('keep') || (entry?.keep ?? false),
      detached: args.on('detach'),
      project: entry?.project ?? null,
      limits: recordedLimits(texts),
      ...(args.on('strict') || entry?.strict === true ? { strict: true } : {}),
    },
  };
}
