import type { Host } from '../../host/host.js';
import { Exchanger } from '../../host/network/exchanger.js';
import { enterRouter, type Router } from '../../host/network/router.js';
import { isAlive } from '../../host/proc/identity.js';

/** A process that stays for each router whose stacks it is asked about. */
export class Exchangers {
  readonly #host: Host;
  readonly #all = new Map<number, { router: Router; exchanger: Exchanger }>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** That of a router. */
  of(router: Router): Exchanger {
    this.#leaveDead();
    const pid = router.holder?.pid ?? 0;
    const known = this.#all.get(pid);
    if (known !== undefined) return known.exchanger;
    const exchanger = this.apart(router);
    this.#all.set(pid, { router, exchanger });
    return exchanger;
  }

  /** Another one, which is the caller's to close: one does what it is asked one after the other. */
  apart(router: Router): Exchanger {
    return new Exchanger(enterRouter(router), this.#host.paths.native('netlink'));
  }

  /** That of a router, where it would not keep a router's namespaces alive that go with the last stack; null else. */
  forReading(router: Router): Exchanger | null {
    return router.holder === null ? this.of(router) : (this.#all.get(router.holder.pid)?.exchanger ?? null);
  }

  close(): void {
    for (const { exchanger } of this.#all.values()) exchanger.close();
    this.#all.clear();
  }

  #leaveDead(): void {
    for (const [pid, { router, exchanger }] of this.#all) {
      if (router.holder === null || isAlive(this.#host.paths.proc, router.holder)) continue;
      exchanger.close();
      this.#all.delete(pid);
    }
  }
}
