import { setTimeout as delay } from 'node:timers/promises';
import { openCompartment, type Compartment as Opened } from '../compartments/compartment.js';
import { exitOf, launchIn } from '../compartments/launch.js';
import type { RunResult } from '../compartments/finish.js';
import { consoleOfGuest } from '../kernel/agent/exec.js';
import { bootGuest } from '../kernel/guest.js';
import { mountInGuest, unmountInGuest } from '../kernel/mount.js';
import { removeAny } from '../kernel/remove.js';
import { parseGuest } from '../kernel/spec.js';
import { CompartError, usageError } from '../shared/errors.js';
import { readReport } from '../state/guest.js';
import type { ExitRecord } from '../state/history.js';
import { Handle } from './handle.js';
import { home } from './home.js';
import type { LimitOptions } from './limits.js';
import { readCommand } from './options.js';
import { requestOf } from './run.js';
import { Subprocess } from './subprocess.js';

/** What a guest is booted with; the flags of `compart boot`. Limits hold it as a whole; `mem` is also its RAM. */
export interface GuestOptions extends LimitOptions {
  name?: string;
  labels?: Readonly<Record<string, string>>;
  bestEffort?: boolean;
  /** `'host'` (if left out): a copy of this system's root, nothing written back; a folder; an image; `':rw'` writes through. */
  root?: string;
  /** A file; the fastest that is installed if left out. */
  kernel?: string;
  /** Folders of the host that it sees: `'/srv/jobs:/jobs'`, `'/srv/data:/data:ro'`. */
  mounts?: readonly string[];
  /** Block devices: `'disk.img'`, `'base.img:cow=own.img'`, `'data.img:ro'`. */
  disks?: readonly string[];
  /** Paths of the root that it does not see. */
  hide?: readonly string[];
  /** The root's own init, as `/sbin/init`, instead of compart's. */
  init?: string;
  /** Shown in a copy of the host's root wherever it is; the directory of this process if left out. */
  cwd?: string | URL;
}

const LOOK_MS = 10;

/**
 * A captive Linux with a kernel of its own (docs/guests.md). It ends with this process, however that ends. `await using`
 * powers it off at the end of the block.
 *
 * @example
 * await using guest = await Guest.boot({ mem: '128M', cpu: '50%', mounts: ['/srv/jobs:/jobs:ro'] });
 * const { stdout } = await guest.exec('perl', ['/jobs/report.pl'], { input });
 */
export class Guest extends Handle implements AsyncDisposable {
  #exited: Promise<ExitRecord> | null = null;

  /**
   * Boots one, and waits until commands can run in it.
   * @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED where this host cannot (`doctor()` says what mends it),
   * ERR_COMPART_BUSY where it ended before it was up; nothing is left then
   */
  static async boot(options: GuestOptions = {}): Promise<Guest> {
    const { host } = home;
    const { root, kernel, init, mounts, disks, hide } = options;
    const guest = parseGuest({
      root,
      kernel,
      init,
      mount: [...(mounts ?? [])],
      disk: [...(disks ?? [])],
      hide: [...(hide ?? [])],
    });
    const spec = readCommand([], { ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
    const release = home.hold();
    try {
      const run = await bootGuest(host, { run: requestOf(host, spec, options), guest }, [
        'ignore',
        'ignore',
        'ignore',
      ]);
      const exited = run.ended.finally(release);
      await untilUp(run.compartment, exited);
      const booted = new Guest(run.compartment);
      booted.#exited = exited.then(({ record }) => record);
      return booted;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** One that runs, whoever booted it. @throws ERR_COMPART_NOT_FOUND, ERR_COMPART_USAGE for what is no guest */
  static async open(name: string): Promise<Guest> {
    const found = await openCompartment(home.host, name);
    if (found.record.kind !== 'guest') throw usageError(`"${name}" is no guest`, 'Compartment.open(name)');
    return new Guest(found);
  }

  /** Settles with its exit record when it has ended, by itself or otherwise; null for one that was opened. */
  get exited(): Promise<ExitRecord> | null {
    return this.#exited;
  }

  /**
   * Shows it a folder or a file of the host, any that this process may read, while it runs. What is mounted below the folder
   * comes along as it is now. It is gone with the guest, or by {@link unmount}.
   * @param source on the host, relative to the directory of this process
   * @param target in the guest, absolute; it is made if it is missing
   * @param options `readOnly: false` lets the guest write it, as this process's user
   * @throws ERR_COMPART_USAGE for what is not there, cannot be read or is no absolute path, ERR_COMPART_BUSY where something
   * is mounted at the target, or the guest or the host's kernel refuses, ERR_COMPART_NOT_FOUND where the guest is gone
   */
  async mount(
    source: string,
    target: string,
    { readOnly = true }: { readOnly?: boolean } = {},
  ): Promise<void> {
    await mountInGuest(await this.open(), { source, target, readOnly });
  }

  /**
   * Takes away what {@link mount} showed. From then on the guest cannot open anything of it, whatever its root did with it.
   * @param options `force`: also while something inside uses it; what is open there stays open
   * @throws ERR_COMPART_BUSY where it is in use, or nothing was mounted there so, ERR_COMPART_NOT_FOUND as above
   */
  async unmount(target: string, { force = false }: { force?: boolean } = {}): Promise<void> {
    await unmountInGuest(await this.open(), target, force);
  }

  /** Its console, /dev/tty1: what is written to `stdin` is typed, what it shows comes from `stdout`. */
  console(): Subprocess {
    const spec = readCommand(['console'], { stdin: 'pipe', buffer: false, reject: false });
    return new Subprocess(spec, async ({ stdio }) => {
      const compartment = await this.open();
      const launched = await launchIn(compartment, { ...consoleOfGuest(compartment), stdio });
      const { pid, streams, signal } = launched;
      const ended = exitOf(launched).then(
        (exit) =>
          ({ exit, verdict: 'ok', limitHit: null, record: null, line: null, timedOut: false }) as const,
      );
      return { compartment, pid, streams, signal, ended };
    });
  }

  /**
   * Asks it to power off, and ends it 10 s later if it has not.
   * @returns its exit record; null for one that was opened, not booted, here
   */
  async shutdown(): Promise<ExitRecord | null> {
    const there = await this.open().catch(() => null);
    if (there !== null) await removeAny(this.host, this.name, true);
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}

/** @throws ERR_COMPART_BUSY if it ends before */
async function untilUp({ store, record }: Opened, exited: Promise<RunResult>): Promise<void> {
  const end: { result: RunResult | null } = { result: null };
  exited.then(
    (result) => (end.result = result),
    () => undefined,
  );
  while (end.result === null) {
    if ((readReport(store.folder(record.name))?.helloUs ?? null) !== null) return;
    await Promise.race([delay(LOOK_MS), exited]);
  }
  const ending = end.result.record.guest;
  const why = end.result.line ?? `${ending?.reason ?? 'it ended'} ${ending?.detail ?? ''}`;
  throw new CompartError('ERR_COMPART_BUSY', `the guest "${record.name}" did not come up: ${why.trim()}`);
}
