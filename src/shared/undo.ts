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

  /** The change is whole: forget how to undo it. */
  keep(): void {
    this.#steps.length = 0;
  }
}
