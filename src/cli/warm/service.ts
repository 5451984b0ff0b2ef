import { once } from 'node:events';
import { renameSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { CompartError, systemReason } from '../../shared/errors.js';
import { VERSION } from '../../shared/version.js';
import type { CgroupBase } from '../../host/cgroup/base.js';
import type { CgroupLayout } from '../../host/cgroup/detect.js';
import { removeBase } from '../../host/cgroup/group.js';
import { askTool } from '../../host/exec.js';
import type { Host } from '../../host/host.js';
import { makePrivateDir } from '../../state/json.js';
import { Store } from '../../state/store.js';
import type { StackPool } from '../../compartments/net/stack-pool.js';
import type { GuestPool } from '../../kernel/pool.js';
import type { Lines } from '../terminal.js';
import { ask } from './ask.js';
import { parseQuestion, type GuestsQuestion, type StacksQuestion } from './question.js';
import { stackPool } from './stacks.js';
import { Session, type Ground } from './session.js';
import { socketPath } from './place.js';

/** What `compart warm --status` shows. */
export interface ServiceStatus {
  pid: number;
  version: string;
  socket: string;
  /** Unix milliseconds. */
  startedAt: number;
  /** Null for one that does not end by itself. */
  idleMs: number | null;
  /** Command lines that are planned now, and that were. */
  running: number;
  planned: number;
  /** Callers that were left to a planner of their own. */
  declined: number;
  /** Guests that were booted ahead, and how many are to be; null without. */
  guests: { waiting: number; size: number } | null;
  /** Network stacks that were made ahead, and how many are to be; null without. */
  stacks: { waiting: number; size: number } | null;
}

/** What it answers instead where it cannot do what it was asked for. */
export interface Refusal {
  error: { code: string; message: string; hint: string | null };
}

/** More connections than that are not waited with; who is refused has a planner of its own. */
const MOST_SESSIONS = 1000;
const BACKLOG = 511;
const NO_STACKS: StacksQuestion = { stacks: 0, limits: {} };

/** Plans for the fronts of this user, until it has had nothing to do for a while or is told to stop. */
export class Service {
  /** Resolves once nothing is planned any more and nobody can connect. */
  readonly ended: Promise<void>;
  readonly #ground: Ground;
  readonly #idleMs: number | null;
  readonly #path: string;
  readonly #server: Server;
  readonly #startedAt = Date.now();
  readonly #sessions = new Set<Session>();
  readonly #counts = { planned: 0, declined: 0, asked: 0 };
  /** Parents of groups that were kept for the next caller, by their path: COMPART_CGROUP is each caller's own. */
  readonly #kept = new Map<string, { layout: CgroupLayout; base: CgroupBase }>();
  #inode = 0n;
  #usedAt = Date.now();
  #idle: NodeJS.Timeout | undefined;
  #end: () => void = () => undefined;
  #guests: GuestPool | null = null;
  /** Without stacks in it too: it reads sooner than others do. */
  #stacks: StackPool;
  #open = true;

  private constructor(ground: Pick<Ground, 'host' | 'lines' | 'world'>, idleMs: number | null) {
    this.#ground = {
      ...ground,
      answer: (question) => this.#answer(question),
      used: (of) => this.#keep(of),
      open: () => this.#open,
      guests: () => this.#guests,
      stacks: () => this.#stacks,
    };
    this.#stacks = stackPool(ground.host, NO_STACKS);
    this.#idleMs = idleMs;
    this.#path = socketPath(ground.host);
    this.#server = createServer((socket) => this.#take(socket));
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /**
   * Listens in the state folder.
   * @param idleMs ends by itself after so long without a caller, or null
   * @throws ERR_COMPART_EXISTS if another one listens there, ERR_COMPART_LISTEN, ERR_COMPART_STATE, ERR_COMPART_UNSUPPORTED without a front
   */
  static async open(host: Host, lines: Lines, idleMs: number | null): Promise<Service> {
    makePrivateDir(host.paths.state);
    // Throws where the folder is not this user's alone.
    new Store(host.paths.state).isEmpty();
    const other = await ask(host, 'status');
    if (other !== null)
      throw new CompartError('ERR_COMPART_EXISTS', `a service listens on ${socketPath(host)} already`, {
        hint: 'compart warm --status says more of it; compart warm --stop ends it',
      });
    const service = new Service({ host, lines, world: await worldOf(host) }, idleMs);
    await service.#listen();
    return service;
  }

  status(): ServiceStatus {
    const { planned, declined } = this.#counts;
    const [guests, stacks] = [this.#guests, this.#stacks];
    return {
      pid: process.pid,
      version: VERSION,
      socket: this.#path,
      startedAt: this.#startedAt,
      idleMs: this.#idleMs,
      guests: guests === null ? null : countOf(guests),
      stacks: stacks.size === 0 ? null : countOf(stacks),
      running: [...this.#sessions].filter(({ plans }) => plans).length,
      planned,
      declined,
    };
  }

  /**
   * Boots guests ahead; those that it has go first, as their place is wanted.
   * @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED, and whatever a boot does; it has none then
   */
  async keepGuests(question: GuestsQuestion): Promise<void> {
    const { guestPool } = await import('./guests.js');
    const pool = guestPool(this.#ground.host, question);
    await this.#guests?.close();
    this.#guests = pool;
    await fillOrClose(pool, () => {
      if (this.#guests === pool) this.#guests = null;
    });
  }

  /**
   * Makes network stacks ahead; those that it has go first.
   * @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED, and whatever making one does; it has none then
   */
  async keepStacks(question: StacksQuestion): Promise<void> {
    const pool = stackPool(this.#ground.host, question);
    const former = this.#stacks;
    this.#stacks = pool;
    await former.close();
    await fillOrClose(pool, () => {
      if (this.#stacks === pool) this.#stacks = stackPool(this.#ground.host, NO_STACKS);
    });
  }

  /** Takes nobody on any more, and ends with its last session. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#idle);
    const emptied = Promise.all([this.#guests?.close(), this.#stacks.close()]);
    if (inodeOf(this.#path) === this.#inode) rmSync(this.#path, { force: true });
    this.#server.close(() => void emptied.then(() => this.#leave()));
  }

  #leave(): void {
    for (const { layout, base } of this.#kept.values()) removeBase(layout, base);
    this.#end();
  }

  /** Under a name of its own first: what stands at the path takes connections from the moment it is there. */
  async #listen(): Promise<void> {
    const own = `${this.#path}.${process.pid}`;
    rmSync(own, { force: true });
    const mask = process.umask(0o177);
    try {
      this.#server.listen({ path: own, backlog: BACKLOG });
    } finally {
      process.umask(mask);
    }
    try {
      await once(this.#server, 'listening');
      this.#inode = inodeOf(own) ?? 0n;
      renameSync(own, this.#path);
    } catch (error) {
      this.#server.close();
      throw new CompartError('ERR_COMPART_LISTEN', `cannot listen on ${this.#path}: ${systemReason(error)}`, {
        cause: error,
      });
    }
    this.#server.on('error', () => this.close());
    this.#rest();
  }

  #take(socket: Socket): void {
    if (!this.#open || this.#sessions.size >= MOST_SESSIONS) {
      socket.destroy();
      return;
    }
    clearTimeout(this.#idle);
    const session = new Session(socket, this.#ground);
    this.#sessions.add(session);
    void session.ended.then((outcome) => {
      this.#counts[outcome] += 1;
      this.#sessions.delete(session);
      // Who only asks does not keep it up.
      if (outcome === 'planned') this.#usedAt = Date.now();
      if (this.#sessions.size === 0) this.#rest();
    });
  }

  #keep({ layout, madeBase }: Host): void {
    if (madeBase !== null) this.#kept.set(madeBase.path, { layout, base: madeBase });
  }

  async #answer(text: string): Promise<ServiceStatus | Refusal> {
    const question = parseQuestion(text);
    const status = this.status();
    if (question === 'stop') setImmediate(() => this.close());
    if (question === null || typeof question === 'string') return status;
    try {
      await ('guests' in question ? this.keepGuests(question) : this.keepStacks(question));
      return this.status();
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** One timer, and none that ticks: a service that nobody calls costs no time. */
  #rest(): void {
    clearTimeout(this.#idle);
    if (this.#idleMs === null || !this.#open) return;
    const left = this.#usedAt + this.#idleMs - Date.now();
    this.#idle = setTimeout(() => this.close(), Math.max(0, left));
  }
}

const countOf = ({ waiting, size }: GuestPool | StackPool): { waiting: number; size: number } => ({
  waiting,
  size,
});

/** Fills a new pool. @param giveUp where that fails: it is closed then @throws why it fails */
async function fillOrClose(pool: GuestPool | StackPool | null, giveUp: () => void): Promise<void> {
  try {
    await pool?.fill();
  } catch (error) {
    await pool?.close();
    giveUp();
    throw error;
  }
}

function refusalOf(error: unknown): Refusal {
  const { code, message, hint } =
    error instanceof CompartError
      ? error
      : new CompartError('ERR_COMPART_INTERNAL', error instanceof Error ? error.message : String(error));
  return { error: { code, message, hint } };
}

function inodeOf(path: string): bigint | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}

/** What this process has in common with a front that it can plan for, in the front's own words. */
async function worldOf(host: Host): Promise<string> {
  const { status, stdout } = await askTool(host.paths.native('front'), ['world']);
  if (status === 0) return stdout.trimEnd();
  throw new CompartError('ERR_COMPART_UNSUPPORTED', 'this installation has no front to plan for', {
    hint: 'npm run build:native, with a C compiler',
  });
}
