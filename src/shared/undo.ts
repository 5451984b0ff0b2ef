import { CompartError } from './errors.js';

/**
 * Undoes a half-made change: each step adds its reverse as soon as it is done; a failure runs them
 * backwards and keeps going when one of them fails.
 */
export class UndoStack {
  readonly #steps: Array<{ what: string; undo: () => void }> = [];

  /** @param what the object the step made, for the error message if it cannot be undone. */
  add(what: string, undo: () => void): void {
    this.#steps.push({ what, undo });
  }

  /** Runs every step, last first. Returns what could not be undone, empty if everything could. */
  unwind(): Array<{ what: string; error: unknown }> {
    const failed: Array<{ what: string; error: unknown }> = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        step.undo();
      } catch (error) {
        failed.push({ what: step.what, error });
      }
    }
    return failed;
  }

  /** {@link unwind} after `error`. @returns the error to throw: with it what could not be undone and is in force still */
  unwindFor(error: unknown, hint?: string): unknown {
    return this.unwind().reduce((told, { what, error: why }) => withRest(told, what, why, hint), error);
  }

  /** The change is whole: forget how to undo it. */
  keep(): void {
    this.#steps.length = 0;
  }
}

/**
 * Takes back what `error` interrupted. That it fails as well is told with the error, never in place of it.
 * @param what is left if it fails
 * @param hint what to do about that
 * @returns the error to throw
 */
export function takenBackFor(error: unknown, what: string, takeBack: () => void, hint?: string): unknown {
  try {
    takeBack();
    return error;
  } catch (why) {
    return withRest(error, what, why, hint);
  }
}

function withRest(error: unknown, what: string, why: unknown, hint?: string): unknown {
  if (!(error instanceof CompartError)) return error;
  const reason = why instanceof Error ? why.message : String(why);
  const advice = error.hint ?? hint;
  return new CompartError(error.code, `${error.message}; ${what} is left as it is: ${reason}`, {
    cause: error.cause ?? error,
    ...(advice === undefined ? {} : { hint: advice }),
  });
}
