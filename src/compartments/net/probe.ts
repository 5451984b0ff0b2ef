import { existsSync } from 'node:fs';
import { toolExists } from '../../host/exec.js';
import type { Host } from '../../host/host.js';
import { readKernelFile } from '../../host/kernfs.js';
import { missing, tryTool } from '../../host/network/tools.js';
import type { FlagRefusal } from '../subsystem.js';
import type { NetAsked } from './limits.js';
import { NO_UPLINK, uplinkHere } from './uplink.js';

type Lack = Omit<FlagRefusal, 'flag'>;

/** Why this host cannot give a stack of its own, or null. Looks at files, starts nothing. */
export function lackOf(host: Host): Lack | null {
  const tools = ['ip', 'tc', 'nft', ...(host.uid === 0 ? [] : (['nsenter'] as const))] as const;
  const absent = tools.find((tool) => !toolExists(tool));
  if (absent !== undefined) return missing(absent);
  return host.uid === 0 ? null : lackWithoutRoot(host);
}

function lackWithoutRoot({ paths: { proc } }: Host): Lack | null {
  const setting = (name: string): string | null => readKernelFile(`${proc}/sys/${name}`);
  if (setting('user/max_user_namespaces') === '0')
    return {
      why: 'user namespaces are switched off (user.max_user_namespaces)',
      mend: 'as root: sysctl user.max_user_namespaces=15000',
    };
  if (setting('kernel/unprivileged_userns_clone') === '0')
    return {
      why: 'user namespaces are for root only (kernel.unprivileged_userns_clone)',
      mend: 'as root: sysctl kernel.unprivileged_userns_clone=1',
    };
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1' && !mayMakeNetns())
    return {
      why: 'AppArmor takes the rights out of user namespaces (kernel.apparmor_restrict_unprivileged_userns)',
      mend: 'as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for compart-router',
    };
  if (uplinkHere() === null) return NO_UPLINK;
  if (!existsSync('/dev/net/tun')) return { why: 'there is no /dev/net/tun', mend: 'as root: modprobe tun' };
  return null;
}

const mayMakeNetns = (): boolean =>
  tryTool(['unshare', '--user', '--map-root-user', '--net'], 'ip', ['link', 'set', 'lo', 'up']).status === 0;

const CONDITIONS = { delayUs: '--delay', lossPercent: '--loss' } as const;

/** Flags that want netem of the kernel; tried in a namespace of its own, only when asked for. */
export function lacksOfConditions(host: Host, asked: NetAsked): FlagRefusal[] {
  const flags = (['delayUs', 'lossPercent'] as const)
    .filter((key) => asked[key] !== undefined && asked[key] !== null)
    .map((key) => CONDITIONS[key]);
  if (flags.length === 0) return [];
  const enter = host.uid === 0 ? ['unshare', '--net'] : ['unshare', '--user', '--map-root-user', '--net'];
  const argv = ['qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'];
  if (tryTool(enter, 'tc', argv).status === 0) return [];
  return flags.map((flag) => ({
    flag,
    why: 'this kernel has no netem',
    mend: 'modprobe sch_netem, or a kernel with CONFIG_NET_SCH_NETEM',
  }));
}
