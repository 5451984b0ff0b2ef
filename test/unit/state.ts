import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach } from '@jest/globals';
import type { ExitRecord } from '../../src/state/history.js';
import type { CompartmentRecord } from '../../src/state/record.js';

/** A folder of its own for each test of the file, gone afterwards. */
export function useFolder(): { path: string } {
  const holder = { path: '' };
  beforeEach(() => {
    holder.path = mkdtempSync(`${tmpdir()}/compart-unit-`);
  });
  afterEach(() => rmSync(holder.path, { recursive: true, force: true }));
  return holder;
}

export function compartment(name: string, changed: Partial<CompartmentRecord> = {}): CompartmentRecord {
  return {
    schema: 1,
    id: '0'.repeat(32),
    name,
    kind: 'compartment',
    createdAt: 1_700_000_000_000,
    startedAt: null,
    endedAt: null,
    labels: { team: 'web' },
    spec: {
      command: ['true'],
      workdir: '/',
      user: null,
      env: [],
      timeoutMs: null,
      keep: false,
      detached: false,
      limits: {},
      project: null,
    },
    main: null,
    owner: null,
    exitCode: null,
    stack: false,
    group: { identity: '/sys/fs/cgroup/compart/a', identityVersion: 2, dirs: {}, bases: [] },
    subsystems: {},
    ...changed,
  };
}

export function exitRecord(number: number, id = number.toString(16).padStart(32, '0')): ExitRecord {
  const at = new Date(1_700_000_000_000 + number * 1000).toISOString();
  return {
    id,
    name: `run-${number}`,
    command: ['true'],
    labels: {},
    startedAt: at,
    endedAt: at,
    wallUs: 0,
    exitCode: 0,
    signal: null,
    verdict: 'ok',
    limitHit: null,
    stats: {},
  };
}
