import { readFileSync, realpathSync } from 'node:fs';
import type { Document, LineCounter, Node, Pair, Scalar, YAMLParseError } from 'yaml';
import { Caller } from '../host/caller.js';
import { CompartError, systemReason, usageError } from '../shared/errors.js';
import { own } from '../shared/own.js';
import { parseDuration } from '../shared/units/duration.js';
import { LIMIT_FIELDS, type LimitTexts } from './limits.js';
import { checkName } from './names.js';
import { inOrder } from './order.js';

/** One compartment of a compart.yaml, with the texts of its limits as they stand there. */
export interface FileEntry {
  name: string;
  limits: LimitTexts;
  command: string[] | null;
  labels: Record<string, string>;
  env: Record<string, string>;
  workdir: string | null;
  user: string | null;
  timeoutMs: number | null;
  keep: boolean;
  /** Is what leaves it killed? */
  strict: boolean;
  /** Up before this one is started, and ready. */
  depends: string[];
  /** A command that is run inside until it ends with 0, and how long it has for that. */
  ready: string[] | null;
  readyMs: number;
  /** What makes it a guest, as the flags of `compart boot` take it; null for a compartment. */
  guest: Record<string, string | string[]> | null;
  /** The file itself: what comes up from one file knows each other's names. */
  project: string;
  /** Throws a CompartError again with the file and the line of this entry's `key` before it. */
  blame: (key: string, error: unknown) => never;
}

const FILE_EXAMPLE = 'as in: compartments: {build: {mem: 512M, command: [make]}}';
const COMMAND_EXAMPLE = 'as in: command: [sh, -c, "make test"]';
const OTHER_KEYS = [
  ...['command', 'labels', 'env', 'workdir', 'user', 'timeout', 'keep', 'strict'],
  ...['depends', 'ready', 'ready-timeout'],
];
const READY_MS = 60_000;
/** The keys of a guest besides those of every compartment, and whether each is a list. */
const GUEST_KEYS: Readonly<Record<string, boolean>> = {
  root: false,
  kernel: false,
  init: false,
  mount: true,
  disk: true,
  hide: true,
};
const MAPS = ['compartments', 'guests'];
/** All limits but those that change what is there. */
const limitField = (key: string) => {
  const field = own(LIMIT_FIELDS, key);
  return field?.onlySet === true ? undefined : field;
};
const KNOWN = [...Object.keys(LIMIT_FIELDS).filter(limitField), ...OTHER_KEYS];

/**
 * Reads a compart.yaml: `compartments:`, a map from names to the keys of the flags.
 * @throws ERR_COMPART_FILE naming the line and the key
 */
export async function readCompartFile(path: string, caller = new Caller()): Promise<FileEntry[]> {
  let text: string;
  try {
    text = readFileSync(caller.path(path), 'utf8');
  } catch (error) {
    throw new CompartError('ERR_COMPART_FILE', `cannot read ${path}: ${systemReason(error)}`, {
      cause: error,
      hint: '-f names another file',
    });
  }
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  return new FileReader(
    { path, real: realpathSync(caller.path(path)) },
    text,
    document,
    lines,
    yaml,
  ).entries();
}

type Yaml = typeof import('yaml');

class FileReader {
  readonly #path: string;
  readonly #real: string;
  readonly #text: string;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #yaml: Yaml;

  constructor(
    { path, real }: { path: string; real: string },
    text: string,
    document: Document,
    lines: LineCounter,
    yaml: Yaml,
  ) {
    this.#path = path;
    this.#real = real;
    this.#text = text;
    this.#document = document;
    this.#lines = lines;
    this.#yaml = yaml;
  }

  entries(): FileEntry[] {
    const [syntax] = this.#document.errors;
    if (syntax) throw this.#syntaxError(syntax);
    const root = this.#pairs(this.#document.contents, 'the file');
    const found = root.flatMap((map) => {
      const kind = this.#key(map);
      if (!MAPS.includes(kind)) throw this.#unknown(map, MAPS);
      return this.#pairs(map.value as Node | null, kind).map((pair) => this.#entry(pair, kind === 'guests'));
    });
    if (found.length === 0) throw this.#error(0, 'no compartments in it', FILE_EXAMPLE);
    this.#refuseTwins(found);
    return inOrder(found);
  }

  /** A name stands for one thing, in whichever of the maps. */
  #refuseTwins(entries: readonly FileEntry[]): void {
    const seen = new Set<string>();
    for (const { name, blame } of entries) {
      if (seen.has(name))
        blame(name, usageError(`${name}: a compartment and a guest have this name`, 'rename one'));
      seen.add(name);
    }
  }

  #syntaxError({ code, message, pos }: Pick<YAMLParseError, 'code' | 'message' | 'pos'>): CompartError {
    if (code !== 'DUPLICATE_KEY') return this.#error(pos[0], message);
    const key = /^[^\s:]*/.exec(this.#text.slice(pos[0]))?.[0] ?? '';
    return this.#error(pos[0], `duplicate key "${key}"`, 'give it once');
  }

  #entry(pair: Pair, isGuest: boolean): FileEntry {
    const offsets = new Map<string, number>();
    const at = offsetOf(pair);
    const blame = (key: string, error: unknown): never => {
      if (!(error instanceof CompartError)) throw error;
      throw this.#error(offsets.get(key) ?? at, error.message, error.hint ?? undefined, error.code);
    };
    const name = this.#key(pair);
    try {
      checkName(name);
    } catch {
      throw this.#error(
        at,
        `${name}: not a name`,
        'accepted: 1 to 63 of a-z 0-9 . _ -, the first a letter or a digit',
      );
    }
    const entry: FileEntry = {
      name,
      blame,
      limits: {},
      command: null,
      labels: {},
      env: {},
      workdir: null,
      user: null,
      timeoutMs: null,
      keep: false,
      strict: false,
      depends: [],
      ready: null,
      readyMs: READY_MS,
      guest: isGuest ? {} : null,
      project: this.#real,
    };
    for (const field of this.#pairs(pair.value as Node | null, name)) {
      const key = this.#key(field);
      offsets.set(key, offsetOf(field));
      this.#set(entry, key, field, `${name}.${key}`);
    }
    return entry;
  }

  #set(entry: FileEntry, key: string, pair: Pair, where: string): void {
    const field = limitField(key);
    if (field !== undefined) {
      entry.limits[key] =
        field.repeatable && this.#yaml.isSeq(pair.value)
          ? this.#list(pair, where)
          : this.#scalar(pair, where);
    } else if (entry.guest !== null && own(GUEST_KEYS, key) !== undefined) {
      const many = own(GUEST_KEYS, key) === true;
      const isList = many && this.#yaml.isSeq(pair.value);
      const text = isList ? this.#list(pair, where) : this.#scalar(pair, where);
      entry.guest[key] = many ? [text].flat() : text;
    } else if (key === 'command' || key === 'ready' || key === 'depends') {
      entry[key] = this.#list(pair, where);
    } else if (key === 'labels' || key === 'env') {
      const pairs = this.#pairs(pair.value as Node | null, where);
      entry[key] = Object.fromEntries(
        pairs.map((inner) => [this.#key(inner), this.#scalar(inner, `${where}.${this.#key(inner)}`)]),
      );
    } else if (key === 'workdir' || key === 'user') {
      entry[key] = this.#scalar(pair, where);
    } else if (key === 'timeout' || key === 'ready-timeout') {
      try {
        entry[key === 'timeout' ? 'timeoutMs' : 'readyMs'] = parseDuration(this.#scalar(pair, where));
      } catch (error) {
        if (!(error instanceof CompartError)) throw error;
        throw this.#error(offsetOf(pair), `${where}: ${error.message}`, error.hint ?? undefined);
      }
    } else if (key === 'keep' || key === 'strict') {
      const text = this.#scalar(pair, where);
      if (text !== 'true' && text !== 'false')
        throw this.#error(
          offsetOf(pair),
          `${where}: "${text}" is neither true nor false`,
          'accepted: true, false',
        );
      entry[key] = text === 'true';
    } else {
      throw this.#unknown(pair, entry.guest === null ? KNOWN : [...KNOWN, ...Object.keys(GUEST_KEYS)]);
    }
  }

  #pairs(node: Node | null, where: string): Pair[] {
    if (this.#yaml.isMap(node)) return node.items;
    if (node === null || (this.#yaml.isScalar(node) && node.value === null)) return [];
    throw this.#error(node.range?.[0] ?? 0, `${where}: a map of keys and values is wanted`, FILE_EXAMPLE);
  }

  #list(pair: Pair, where: string): string[] {
    const node = pair.value;
    const items = this.#yaml.isSeq(node) ? node.items : null;
    if (items === null || items.length === 0) {
      throw this.#error(offsetOf(pair), `${where}: a list is wanted`, COMMAND_EXAMPLE);
    }
    return items.map((item) => {
      if (!this.#yaml.isScalar(item) || typeof item.value === 'object')
        throw this.#error(offsetOf(pair), `${where}: a list of words is wanted`, COMMAND_EXAMPLE);
      return this.#whole(sourceOf(item), pair, where);
    });
  }

  #scalar(pair: Pair, where: string): string {
    if (this.#yaml.isScalar(pair.value) && pair.value.value !== null)
      return this.#whole(sourceOf(pair.value), pair, where);
    throw this.#error(offsetOf(pair), `${where}: a value is wanted`, 'one word, as in mem: 512M');
  }

  /** No system call takes a NUL. */
  #whole(text: string, pair: Pair, where: string): string {
    if (!text.includes('\0')) return text;
    throw this.#error(offsetOf(pair), `${where}: a NUL character is in it`, 'leave it out');
  }

  #key(pair: Pair): string {
    return this.#yaml.isScalar(pair.key) ? String(pair.key.value) : '';
  }

  #unknown(pair: Pair, known: readonly string[]): CompartError {
    return this.#error(offsetOf(pair), `unknown key "${this.#key(pair)}"`, `known: ${known.join(', ')}`);
  }

  #error(
    offset: number,
    message: string,
    hint?: string,
    code: CompartError['code'] = 'ERR_COMPART_FILE',
  ): CompartError {
    const kind = code === 'ERR_COMPART_USAGE' ? 'ERR_COMPART_FILE' : code;
    return new CompartError(
      kind,
      `${this.#path}:${this.#lines.linePos(offset).line}: ${message}`,
      hint === undefined ? {} : { hint },
    );
  }
}

function offsetOf(pair: Pair): number {
  return (pair.key as Node | null)?.range?.[0] ?? 0;
}

/** As written: `0.50` and `1e3` are texts for the units to read, not numbers. */
function sourceOf(scalar: Scalar): string {
  return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? String(scalar.value));
}
