import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { CompartError, errnoOf, reasonOf } from '../../shared/errors.js';
import { runToolSync } from '../../host/exec.js';
import type { Host } from '../../host/host.js';
import { routerProc, type Router } from '../../host/network/router.js';
import { isAlive, parseIdentity, type ProcessIdentity } from '../../host/proc/identity.js';
import { pause } from '../../host/pause.js';
import { makePrivateDir } from '../../state/json.js';
import { formatPublished, type Published } from './limits.js';

/** From where to where a relay leads: it listens among the caller's links and connects among the router's. */
export interface Route {
  protocol: 'tcp' | 'udp';
  ip: string;
  port: number;
  targetIp: string;
  targetPort: number;
  /** Takes in nothing but what comes over this link. */
  device?: string;
}

/** Relays of one stack (native/relay.c); each notes itself in the folder before it serves. */
export class Relays {
  readonly #host: Host;
  readonly #dir: string;

  constructor(host: Host, dir: string) {
    this.#host = host;
    this.#dir = dir;
  }

  /** Publishes a port. @throws ERR_COMPART_BUSY if it is taken, ERR_COMPART_UNSUPPORTED if it cannot be had */
  publish(published: Published, targetIp: string, router: Router): void {
    const failure = this.#start(
      {
        protocol: published.protocol,
        ip: published.ip,
        port: published.hostPort,
        targetIp,
        targetPort: published.port,
      },
      router,
    );
    if (failure !== null) throw publishError(published, failure);
  }

  /** Answers at the gateway for a name server on the host's loopback. */
  answerNames(gateway: string, device: string, stub: string): void {
    for (const protocol of ['udp', 'tcp'] as const) {
      const route = { protocol, ip: gateway, port: 53, targetIp: stub, targetPort: 53, device };
      const failure = this.#start(route, null);
      if (failure !== null)
        throw new CompartError('ERR_COMPART_KERNEL', `cannot answer for the name server ${stub}: ${failure}`);
    }
  }

  unpublish({ protocol, ip, hostPort }: Omit<Published, 'port'>): void {
    this.#end(`${protocol}-${ip}-${hostPort}`);
  }

  /** Ends them all, and takes their folder away. */
  endAll(): void {
    for (const name of this.#names()) this.#end(name);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** @returns why it could not be started, as `errno` or words */
  #start(route: Route, router: Router | null): string | null {
    const proc = this.#host.paths.proc;
    makePrivateDir(this.#dir.slice(0, this.#dir.lastIndexOf('/')));
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const elsewhere =
      router === null || router.holder === null
        ? []
        : [
            ...(router.ownUsers ? ['--connect-user', `${routerProc(router, proc)}/ns/user`] : []),
            '--connect-net',
            `${routerProc(router, proc)}/ns/net`,
          ];
    const argv = [
      ...['--register', this.#dir],
      ...(route.device === undefined ? [] : ['--device', route.device]),
      ...elsewhere,
      ...[route.protocol, route.ip, String(route.port), route.targetIp, String(route.targetPort)],
    ];
    const result = runToolSync(this.#host.paths.native('relay'), argv);
    if (result.errno === 'ENOENT') return 'it is not built: make -C native';
    if (result.status === 0) return null;
    const failed = /^fail (\S+) (\d+) ?(.*)$/m.exec(result.stderr);
    if (failed?.[1] === undefined) return result.stderr || 'the relay ended';
    const errno = getSystemErrorName(-Number(failed[2]));
    return failed[1] === 'bind' ? errno : `${failed[1]}: ${reasonOf(errno)}`;
  }

  #end(name: string): void {
    const identity = this.#identity(name);
    const proc = this.#host.paths.proc;
    if (identity !== null && isAlive(proc, identity)) {
      try {
        process.kill(identity.pid, 'SIGKILL');
      } catch (error) {
        if (errnoOf(error) !== 'ESRCH') throw error;
      }
      // The port is free once it is gone.
      for (const started = Date.now(); isAlive(proc, identity) && Date.now() - started < 1000;) pause(1);
    }
    rmSync(`${this.#dir}/${name}`, { force: true });
  }

  #identity(name: string): ProcessIdentity | null {
    try {
      return parseIdentity(readFileSync(`${this.#dir}/${name}`, 'utf8').trim());
    } catch {
      return null;
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.#dir);
    } catch {
      return [];
    }
  }
}

function publishError(published: Published, failure: string): CompartError {
  const what = `--publish: cannot listen on ${formatPublished(published).replace(/:\d+(\/udp)?$/, '$1')}`;
  switch (failure) {
    case 'EADDRINUSE':
      return new CompartError('ERR_COMPART_BUSY', `${what}: the port is taken`, {
        hint: `choose another, or see who has it: ss -lnp sport = :${published.hostPort}`,
      });
    case 'EACCES':
      return new CompartError('ERR_COMPART_UNSUPPORTED', `${what}: only root may have a port below 1024`, {
        hint: 'choose one from 1024 on (net.ipv4.ip_unprivileged_port_start says from where)',
      });
    case 'EADDRNOTAVAIL':
      return new CompartError('ERR_COMPART_USAGE', `${what}: this host has no such address`, {
        hint: 'ip addr lists those it has',
      });
    default:
      return new CompartError('ERR_COMPART_KERNEL', `${what}: ${failure}`);
  }
}
