import { usageError } from '../shared/errors.js';
import { Flight } from '../shared/flight.js';
import { abandon, type Run } from '../compartments/run.js';
import { makeName } from '../compartments/names.js';
import type { Host } from '../host/host.js';
import { chooseKernel } from './choose.js';
import { ownFolders, workdirOf } from './furnish.js';
import { limitsOnHost, type GuestRequest } from './guest.js';
import { isCovered } from './rootfs/view.js';
import { uml } from './uml/uml.js';
import { bootWaiting, isWaiting, startWaiting, type WaitingGuest } from './waiting.js';

/** Each is a booted kernel that does nothing: some 17 MiB of memory with 64 MiB of RAM. */
export const MOST_WAITING = 100;

/** All that is decided at the boot of a guest: two requests with the same can have the same guest. */
function keyOf(host: Host, { run, guest }: GuestRequest): string {
  return JSON.stringify([run.limits, run.bestEffort, guest, chooseKernel(uml, host, guest.kernel).path]);
}

/** @throws ERR_COMPART_USAGE naming what a guest cannot have before its command is known */
function refuse({ run, guest }: GuestRequest): void {
  const reasons: ReadonlyArray<readonly [boolean, string, string]> = [
    [run.limits.net !== undefined, 'net', 'a stack is made for one compartment'],
    [guest.disks.length > 0, 'disk', 'a disk is of one guest at a time'],
    [guest.init !== null, 'init', 'a root with an init of its own has its own time'],
  ];
  for (const [asked, flag, why] of reasons)
    if (asked)
      throw usageError(`--${flag}: not of guests that wait: ${why}`, 'boot those as they are needed');
}

/** Guests of one kind that were booted ahead, frozen, for commands to come; as many as were asked for, refilled. */
export class GuestPool {
  readonly size: number;
  readonly #host: Host;
  readonly #request: GuestRequest;
  readonly #key: string;
  readonly #waiting: WaitingGuest[] = [];
  readonly #filling = new Flight();
  #open = true;

  /**
   * @param host of the process that keeps them
   * @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED
   */
  constructor(host: Host, request: GuestRequest, size: number) {
    refuse(request);
    limitsOnHost(host, request);
    this.#host = host;
    this.#request = request;
    this.size = size;
    this.#key = keyOf(host, request);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Boots what is missing, one after the other. @throws as {@link bootWaiting} */
  fill(): Promise<void> {
    return this.#filling.run(() => this.#fill());
  }

  async #fill(): Promise<void> {
    while (this.#open && this.#waiting.length < this.size) {
      const { run, guest } = this.#request;
      const waiting = await bootWaiting(this.#host, { run: { ...run, name: makeName() }, guest });
      this.#admit(waiting);
    }
  }

  /** It may have been closed while this one was booted. */
  #admit(waiting: WaitingGuest): void {
    if (!this.#open) return abandon(waiting.compartment);
    this.#waiting.push(waiting);
    const ended = (): void => this.#lose(waiting);
    waiting.keeper.exited().then(ended, ended);
  }

  /** Somebody removed it; nobody but its pool takes away what is left. */
  #lose(waiting: WaitingGuest): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    abandon(waiting.compartment);
    this.#refill();
  }

  /**
   * Runs the command of a request in one of them, if there is one for it; a new one is booted when it has ended.
   * @param host of the caller of the command
   */
  take(host: Host, request: GuestRequest): Promise<Run> | null {
    if (this.#waiting.length === 0 || !this.#suits(host, request)) return null;
    const one = this.#next();
    if (one !== null) return this.#start(one, host, request);
    this.#refill();
    return null;
  }

  /** The first that is still there: anybody may have removed one. */
  #next(): WaitingGuest | null {
    let one = this.#waiting.shift() ?? null;
    while (one !== null && !isWaiting(one)) {
      abandon(one.compartment);
      one = this.#waiting.shift() ?? null;
    }
    return one;
  }

  /** Takes all of them away, and waits for one that is being booted. */
  async close(): Promise<void> {
    this.#open = false;
    for (const one of this.#waiting.splice(0)) abandon(one.compartment);
    await this.#filling.landed();
  }

  async #start(one: WaitingGuest, host: Host, request: GuestRequest): Promise<Run> {
    try {
      const run = await startWaiting(one, host, request);
      const refill = (): void => this.#refill();
      run.ended.then(refill, refill);
      return run;
    } catch (error) {
      this.#refill();
      throw error;
    }
  }

  /** What goes wrong shows when nobody waits: commands are booted for as ever. */
  #refill(): void {
    this.fill().catch(() => undefined);
  }

  #suits(host: Host, request: GuestRequest): boolean {
    if (keyOf(host, request) !== this.#key) return false;
    return (
      request.guest.root.kind !== 'host' || !isCovered(workdirOf(host, request.run), ownFolders(this.#host))
    );
  }
}
