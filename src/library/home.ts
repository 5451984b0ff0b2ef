import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { removeBase } from '../host/cgroup/group.js';
import { startListener } from '../host/exec.js';
import { Host } from '../host/host.js';

/** The command of this package, in the source tree and where it is built or installed. */
function commandFile(): string {
  const places = ['../../', '../../../'].map((up) =>
    fileURLToPath(new URL(`${up}bin/compart.js`, import.meta.url)),
  );
  return places.find((path) => existsSync(path)) ?? places[0] ?? 'compart';
}

/**
 * What the library holds besides what is in the kernel and on disk: the host that this process runs on, how many
 * compartments end with this process, and the group that all stand in, which is kept for the next one. The host is looked
 * at with the first call, and then no more: where the groups of this process are is known from before it put itself into
 * one of its own (`Compartment.self`).
 */
class Home {
  #host: Host | null = null;
  #heir: ((word: '0' | '1') => void) | null = null;
  #told: '0' | '1' = '0';
  #held = 0;

  get host(): Host {
    return (this.#host ??= Host.current().stay());
  }

  /**
   * There is a compartment more that is not to outlive this process: should that be killed, a program of its own takes the
   * compartment away (native/heir.c), by `compart gc`. It is started with the first, and waits.
   * @returns there is one less; further calls do nothing
   */
  hold(): () => void {
    this.#heir ??= this.#startHeir();
    this.#held += 1;
    this.#tell('1');
    let mine = true;
    return () => {
      if (!mine) return;
      mine = false;
      this.#held -= 1;
      if (this.#held === 0 && this.host.madeBase === null) this.#tell('0');
    };
  }

  #startHeir(): (word: '0' | '1') => void {
    process.once('exit', () => this.#leave());
    return startListener(this.host.paths.native('heir'), [process.execPath, commandFile(), 'gc']);
  }

  #tell(word: '0' | '1'): void {
    if (this.#told === word) return;
    this.#told = word;
    this.#heir?.(word);
  }

  #leave(): void {
    if (this.#held > 0) return;
    const { layout, madeBase } = this.host;
    if (madeBase !== null) removeBase(layout, madeBase);
    this.#tell('0');
  }
}

export const home = new Home();
