import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Host } from '../../../src/host/host.js';
import type { CompartmentRecord } from '../../../src/state/record.js';
import { Store } from '../../../src/state/store.js';
import { compartment } from '../state.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/groups', import.meta.url));
const ME = { pid: 1, startTime: 1 };

/** How groups are mounted: v2 alone, v1 alone, or v1 beside a v2 mount. */
export type Version = 'v1' | 'v2' | 'hybrid';

const CONTROLLERS = {
  v2: ['memory', 'cpu', 'cpuset', 'io', 'pids'],
  v1: ['memory', 'cpu', 'cpuacct', 'cpuset', 'blkio', 'pids'],
} as const;

/** A host of files below a folder, whose groups are those that kernels showed (test/fixtures/groups). */
export class FixtureHost {
  readonly host: Host;
  readonly store: Store;
  readonly #dir: string;
  readonly #version: Version;

  constructor(dir: string, version: Version) {
    this.#dir = dir;
    this.#version = version;
    const mounts: string[] = [];
    const mount = (name: string, type: string, options: string): void => {
      mkdirSync(`${dir}/cgroup/${name}`, { recursive: true });
      mounts.push(`30 1 0:30 / ${dir}/cgroup/${name} rw - ${type} ${type} rw,${options}`);
    };
    if (version !== 'v1') mount('unified', 'cgroup2', 'nsdelegate');
    if (version !== 'v2') for (const name of CONTROLLERS.v1) mount(name, 'cgroup', name);
    if (version === 'v1') mount('freezer', 'cgroup', 'freezer');
    mkdirSync(`${dir}/proc/self`, { recursive: true });
    writeFileSync(`${dir}/proc/self/mountinfo`, `${mounts.join('\n')}\n`);
    const own = version === 'v2' ? [] : [...CONTROLLERS.v1, 'freezer'].map((name) => `1:${name}:/`);
    writeFileSync(`${dir}/proc/self/cgroup`, [...own, '0::/', ''].join('\n'));
    if (version !== 'v1')
      writeFileSync(
        `${dir}/cgroup/unified/cgroup.controllers`,
        version === 'v2' ? CONTROLLERS.v2.join(' ') : 'hugetlb',
      );
    const state = `${dir}/state`;
    this.host = new Host(
      {
        proc: `${dir}/proc`,
        sys: '/sys',
        state,
        log: state,
        native: () => '',
        network: state,
      },
      { uid: 0, gid: 0 },
    );
    this.store = new Store(state);
  }

  /** A compartment with the subsystems of a run, populated unless it has ended. */
  add(name: string, changed: Partial<CompartmentRecord> = {}): CompartmentRecord {
    const v2 = this.#version === 'v2';
    const groupDir = (mount: string): string => `${this.#dir}/cgroup/${mount}/compart/${name}`;
    const dirs: Record<string, string> = {};
    for (const controller of v2 ? CONTROLLERS.v2 : CONTROLLERS.v1) {
      dirs[controller] = groupDir(v2 ? 'unified' : controller);
      cpSync(`${FIXTURES}/${v2 ? 'v2' : 'v1'}/${controller}`, dirs[controller], { recursive: true });
    }
    const identity = groupDir(this.#version === 'v1' ? 'freezer' : 'unified');
    mkdirSync(identity, { recursive: true });
    if (this.#version === 'hybrid') cpSync(`${FIXTURES}/v1/identity`, identity, { recursive: true });
    const runs = (changed.endedAt ?? null) === null;
    writeFileSync(`${identity}/cgroup.procs`, runs ? '7\n' : '');
    if (this.#version === 'v1') {
      dirs['freezer'] = identity;
      writeFileSync(`${identity}/freezer.state`, 'THAWED\n');
    } else {
      writeFileSync(`${identity}/cgroup.events`, `populated ${Number(runs)}\nfrozen 0\n`);
      writeFileSync(`${identity}/cgroup.stat.local`, 'frozen_usec 2500000\n');
    }
    const kinds = ['vm', 'sched', 'io', 'pids'];
    const loaded = { driver: v2 ? 'cgroup2' : 'cgroup1', limits: {}, notEnforced: [] };
    const record = compartment(name, {
      id: Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32),
      startedAt: 1_700_000_001_000,
      group: { identity, identityVersion: this.#version === 'v1' ? 1 : 2, dirs, bases: [] },
      subsystems: Object.fromEntries(kinds.map((kind) => [kind, loaded])),
      ...changed,
    });
    this.store.claim(record, ME);
    return record;
  }
}
