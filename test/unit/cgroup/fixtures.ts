import { fileURLToPath } from 'node:url';
import { detectLayout, type CgroupLayout } from '../../../src/host/cgroup/detect.js';
import type { BaseFacts } from '../../../src/host/cgroup/base.js';
import type { ReadGroup } from '../../../src/host/cgroup/driver.js';
import { readKernelFile } from '../../../src/host/kernfs.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));

/** Mount tables and /proc/self/cgroup of hosts, in test/fixtures/hosts. */
export type HostName =
  | 'debian12-unified'
  | 'ubuntu2004-hybrid'
  | 'separate-hybrid'
  | 'centos7-legacy'
  | 'no-cgroups'
  | 'docker-v2-private'
  | 'docker-v2-host'
  | 'docker-v1-host'
  | 'v2-without-memory'
  | 'v2-named-systemd';

const hostFile = (host: HostName, file: string): string =>
  readKernelFile(`${FIXTURES}/hosts/${host}/${file}`) ?? '';

export function layoutOf(host: HostName): CgroupLayout {
  return detectLayout(hostFile(host, 'mountinfo'), hostFile(host, 'cgroup'), () =>
    hostFile(host, 'cgroup.controllers'),
  );
}

/** Files of a group as a kernel showed them, in test/fixtures/groups; `changed` replaces some, null takes one away. */
export function groupOf(version: 'v1' | 'v2', changed: Record<string, string | null> = {}): ReadGroup {
  return (controller, file) => {
    const replaced = changed[file];
    return replaced === undefined
      ? readKernelFile(`${FIXTURES}/groups/${version}/${controller}/${file}`)
      : replaced;
  };
}

/** A group that has no file at all. */
export const emptyGroup: ReadGroup = () => null;

export function facts(changed: Partial<BaseFacts> = {}): BaseFacts {
  return { uid: 0, override: null, systemd: false, delegated: null, writable: () => false, ...changed };
}
