import type { Host } from '../host/host.js';
import { readKernelFile } from '../host/kernfs.js';
import type { Refusal } from '../host/cgroup/base.js';
import { fastestKernel } from './choose.js';
import { uml } from './uml/uml.js';

/** Can this host boot guests: the kernel that they would have, and what is missing. */
export interface GuestDiagnosis {
  kernel: { path: string; version: string; origin: string } | null;
  lacks: Refusal[];
}

/** What keeps this user from making user namespaces, in which every guest's kernel runs (user_namespaces(7)). */
function lackOfNamespaces(host: Host): Refusal | null {
  const sysctl = (name: string): string | null => readKernelFile(`${host.paths.proc}/sys/${name}`);
  const mend = (line: string): string => `as root: sysctl -w ${line}`;
  if (sysctl('user/max_user_namespaces') === '0')
    return { why: 'this host allows no user namespaces', mend: mend('user.max_user_namespaces=15000') };
  if (host.uid === 0) return null;
  if (sysctl('kernel/unprivileged_userns_clone') === '0')
    return {
      why: 'only root may make user namespaces on this host',
      mend: mend('kernel.unprivileged_userns_clone=1'),
    };
  if (sysctl('kernel/apparmor_restrict_unprivileged_userns') === '1')
    return {
      why: 'AppArmor takes the rights in user namespaces away from programs without a profile',
      mend: mend('kernel.apparmor_restrict_unprivileged_userns=0'),
    };
  return null;
}

/** Looks, and changes nothing. */
export function diagnoseGuests(host: Host): GuestDiagnosis {
  const { kernel, lack } = fastestKernel(uml, host);
  const lacks = [lack, lackOfNamespaces(host)];
  return {
    kernel: kernel === null ? null : { path: kernel.path, version: kernel.version, origin: kernel.origin },
    lacks: lacks.filter((lack) => lack !== null),
  };
}
