import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Group } from '../../../src/host/cgroup/group.js';
import { membershipOf } from '../../../src/host/cgroup/membership.js';
import { readKernelFile } from '../../../src/host/kernfs.js';

let root = '';
let group: Group;

beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/compart-membership-`);
  const identity = `${root}/freezer/a`;
  group = {
    identity,
    identityVersion: 1,
    dirs: { freezer: identity, memory: `${root}/memory/a` },
    bases: [],
  };
  for (const dir of Object.values(group.dirs)) mkdirSync(`${dir}/below`, { recursive: true });
  for (const dir of Object.values(group.dirs)) {
    writeFileSync(`${dir}/cgroup.procs`, '');
    writeFileSync(`${dir}/below/cgroup.procs`, '');
  }
  writeFileSync(`${identity}/freezer.state`, 'THAWED\n');
});
afterEach(() => rmSync(root, { recursive: true }));

describe('membershipOf a v1 group', () => {
  it('is populated by a process in a group that the command made below', () => {
    const lives = (): boolean | undefined => membershipOf(group, readKernelFile)?.populated;
    expect(lives()).toBe(false);
    writeFileSync(`${root}/memory/a/below/cgroup.procs`, '4711\n');
    expect(lives()).toBe(true);
  });

  it('is null where the group is gone', () => {
    rmSync(group.identity, { recursive: true });
    expect(membershipOf(group, readKernelFile)).toBeNull();
  });
});
