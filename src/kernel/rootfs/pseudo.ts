import { parseMounts } from '../../host/mounts.js';

/** File systems that speak of the host's kernel, its devices and its processes, wherever they are mounted. */
const PSEUDO = new Set([
  'proc',
  'sysfs',
  'devtmpfs',
  'devpts',
  'cgroup',
  'cgroup2',
  'securityfs',
  'debugfs',
  'tracefs',
  'configfs',
  'efivarfs',
  'pstore',
  'bpf',
  'mqueue',
  'hugetlbfs',
  'fusectl',
  'binfmt_misc',
  'nsfs',
  'rpc_pipefs',
]);

/** Where such a one is mounted on this host: in /proc and /sys, and in every chroot that has its own. Pure. */
export const pseudoMounts = (mountinfo: string): string[] =>
  parseMounts(mountinfo)
    .filter(({ fstype }) => PSEUDO.has(fstype))
    .map(({ target }) => target);
