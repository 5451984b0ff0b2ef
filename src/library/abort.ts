/**
 * Who waits for each signal to be aborted. A service has one signal for all that it runs, and Node warns of a leak at the
 * eleventh listener: there is one here, however many wait.
 */
const waiting = new WeakMap<AbortSignal, { abort: () => void; all: Set<() => void> }>();

/** Calls `abort` once when the signal is aborted. @returns takes that back; the last one takes the listener away */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  const known = waiting.get(signal) ?? listen(signal);
  const { all } = known;
  all.add(abort);
  return () => {
    all.delete(abort);
    if (all.size > 0 || waiting.get(signal) !== known) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', known.abort);
  };
}

function listen(signal: AbortSignal): { abort: () => void; all: Set<() => void> } {
  const all = new Set<() => void>();
  const abort = (): void => {
    waiting.delete(signal);
    for (const each of all) each();
  };
  const known = { abort, all };
  waiting.set(signal, known);
  signal.addEventListener('abort', abort, { once: true });
  return known;
}
