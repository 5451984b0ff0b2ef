import { groupDirs, isEmpty, type Group } from './group.js';
import { keyed } from './parse.js';

/** What a group says of its members, from one look. */
export interface Membership {
  populated: boolean;
  frozen: boolean;
  /** Time that it has been frozen; null before Linux 6.18, and on v1 (cgroup.stat.local). */
  frozenUs: number | null;
}

/**
 * Reads what {@link isEmpty} and {@link isFrozen} tell one by one.
 * @param readFile of a path, null where there is none
 * @returns null where the group is gone
 */
export function membershipOf(group: Group, readFile: (path: string) => string | null): Membership | null {
  const v2 = group.identityVersion === 2;
  const about = readFile(`${group.identity}/${v2 ? 'cgroup.events' : 'cgroup.procs'}`);
  if (about === null) return null;
  if (!v2) {
    const freezer = group.dirs['freezer'];
    const frozen = freezer !== undefined && readFile(`${freezer}/freezer.state`) === 'FROZEN';
    // A command may have gone into a group that it made below: only v2 counts those in.
    return { populated: about !== '' || !isEmpty(group), frozen, frozenUs: null };
  }
  const others = groupDirs(group).filter((dir) => dir !== group.identity);
  const lives = (): boolean => others.some((dir) => (readFile(`${dir}/cgroup.procs`) ?? '') !== '');
  const events = keyed(about);
  return {
    populated: events.get('populated') === 1 || lives(),
    frozen: events.get('frozen') === 1,
    frozenUs: keyed(readFile(`${group.identity}/cgroup.stat.local`)).get('frozen_usec') ?? null,
  };
}
