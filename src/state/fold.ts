import { rmSync, statSync } from 'node:fs';
import { CompartError } from '../shared/errors.js';
import { selfIdentity } from '../host/proc/identity.js';
import { idIn, isHistory, Ledger, type Base, type Entry } from './ledger.js';
import { tryLock, unlock } from './lock.js';
import { makePrivateDir } from './json.js';
import { Store } from './store.js';
import { addUsage, laterUsage, noUsage, type Usage } from './usage.js';

/** How many notes of removals stand before they are folded. */
const NOTES = 200;
/** The exit record of a run that somebody else removed comes a little after the note. */
const SETTLED_MS = 60_000;

/**
 * Takes files of the history out and adds them to the base of the totals, with old notes of removals. The base names
 * what it took in; those files are deleted after it is written, and once more by the next fold: a crash at any moment
 * loses nothing and counts nothing twice.
 * @param old files of the history, without their folder
 * @returns whether they are gone; not if somebody else folds, or the disk is full: then they are taken the next time
 */
export function foldHistory(stateRoot: string, old: readonly string[], proc = '/proc'): boolean {
  const ledger = new Ledger(stateRoot);
  try {
    makePrivateDir(ledger.folder);
    if (!tryLock(ledger.folder, 'folding', proc, selfIdentity(proc))) return false;
    try {
      fold(ledger, new Set(old.map((file) => `history/${file}`)));
      return true;
    } finally {
      unlock(ledger.folder, 'folding');
    }
  } catch (error) {
    if (error instanceof CompartError) return false;
    throw error;
  }
}

/** Folds notes of removals alone, if there are many. */
export function foldNotes(stateRoot: string, proc = '/proc'): void {
  const notes = new Ledger(stateRoot).files().filter((file) => !isHistory(file));
  if (notes.length > NOTES) foldHistory(stateRoot, [], proc);
}

function fold(ledger: Ledger, old: ReadonlySet<string>): void {
  const base = ledger.base();
  const left = new Set(base.folded);
  remove(ledger, base.folded);
  const files = ledger.files().filter((file) => !left.has(file));
  const next: Base = { ...base, usage: { ...base.usage }, seq: base.seq + 1, folded: [] };
  const notes = files.filter((file) => !isHistory(file));
  const settled = new Set(notes.length > NOTES ? notes.filter((file) => isSettled(ledger, file)) : []);
  const store = new Store(ledger.root);
  for (const [id, group] of groupById(files)) {
    const exits = group.filter(isHistory);
    const due =
      exits.length > 0 ? exits.every((file) => old.has(file)) : group.every((file) => settled.has(file));
    if (due) take(ledger, store, next, id, group);
  }
  ledger.saveBase(next);
  remove(ledger, next.folded);
}

function groupById(files: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const group = groups.get(idIn(file));
    if (group === undefined) groups.set(idIn(file), [file]);
    else group.push(file);
  }
  return groups;
}

/** Takes in all that is known of one compartment. */
function take(ledger: Ledger, store: Store, base: Base, id: string, files: readonly string[]): void {
  const entries = files.flatMap((file) => ledger.entry(file) ?? []);
  const lives = entries.some(({ name }) => isLiving(store, name, id));
  const taken = lives ? files.filter(isHistory) : files;
  const before = base.kept[id];
  const { [id]: _taken, ...others } = base.kept;
  base.kept = others;
  base.folded.push(...taken);
  for (const { reason } of entries)
    if (reason !== null) base.exits = { ...base.exits, [reason]: (base.exits[reason] ?? 0) + 1 };
  const usage = latestOf(entries, before?.usage);
  if (lives) {
    base.kept[id] = {
      usage,
      reason: entries.find(({ reason }) => reason !== null)?.reason ?? before?.reason ?? null,
    };
    return;
  }
  addUsage(base.usage, usage);
  base.count += 1;
}

const latestOf = (entries: readonly Entry[], before: Usage | undefined): Usage =>
  entries.reduce((usage, entry) => laterUsage(usage, entry.usage), before ?? noUsage());

function isLiving(store: Store, name: string, id: string): boolean {
  return store.readWhole(name)?.id === id;
}

function isSettled(ledger: Ledger, file: string): boolean {
  const stat = statSync(`${ledger.root}/${file}`, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > SETTLED_MS;
}

function remove(ledger: Ledger, files: readonly string[]): void {
  for (const file of files) rmSync(`${ledger.root}/${file}`, { force: true });
}
