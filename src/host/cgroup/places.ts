import type { CgroupLayout, Hierarchy } from './detect.js';
import type { Group } from './group.js';
import type { ProcessEntry, ProcessTable } from '../proc/table.js';

/** Where a group is, by controller as /proc/PID/cgroup has it: `''` for v2. */
export type Places = ReadonlyMap<string, string>;

/** The key of /proc/PID/cgroup under which a controller stands. */
const keyOf = ({ v1 }: CgroupLayout, controller: string): string => (v1.has(controller) ? controller : '');

/**
 * What stands before the path below a mount in /proc/PID/cgroup: nothing, or in a container without a namespace of groups
 * the part that is not mounted.
 */
function hiddenPart({ self }: Hierarchy, own: string | undefined): string {
  if (own === undefined || own === self) return '';
  if (self === '/') return own;
  return own.endsWith(self) ? own.slice(0, -self.length) : '';
}

/**
 * The paths that a member of all these directories of a group has in /proc/PID/cgroup.
 * @param own /proc/self/cgroup, by controller
 */
export function placesOf(
  layout: CgroupLayout,
  group: Pick<Group, 'identity' | 'identityVersion' | 'dirs'>,
  own: ReadonlyMap<string, string>,
): Places {
  const places = new Map<string, string>();
  const add = (key: string, dir: string): void => {
    const hierarchy = key === '' ? layout.v2 : layout.v1.get(key);
    if (hierarchy === null || hierarchy === undefined) return;
    places.set(key, hiddenPart(hierarchy, own.get(key)) + dir.slice(hierarchy.mountPoint.length));
  };
  for (const [controller, dir] of Object.entries(group.dirs)) add(keyOf(layout, controller), dir);
  if (group.identityVersion === 2) add('', group.identity);
  return places;
}

/** The keys of `places` under which a process with these groups is not in the group, nor in one below it. */
export function placesLeft(places: Places, groups: ReadonlyMap<string, string>): string[] {
  return [...places].flatMap(([key, place]) => {
    const path = groups.get(key);
    const inside = path !== undefined && (path === place || path.startsWith(`${place}/`));
    return inside ? [] : [key];
  });
}

/** Groups by where they are, to find the members of many among many processes. */
export class PlaceIndex {
  /** Of each group, as they were given. */
  readonly places: readonly Places[];
  /** By key and path. */
  readonly #numbers = new Map<string, Map<string, number>>();

  constructor(places: readonly Places[]) {
    this.places = places;
    for (const [number, each] of places.entries())
      for (const [key, path] of each) this.#numbersOf(key).set(path, number);
  }

  #numbersOf(key: string): Map<string, number> {
    const known = this.#numbers.get(key) ?? new Map<string, number>();
    this.#numbers.set(key, known);
    return known;
  }

  /** By number of the group the processes that are in one of its directories at least, or in a group below it. */
  membersIn(table: ProcessTable): Map<number, ProcessEntry[]> {
    const members = new Map<number, ProcessEntry[]>();
    for (const entry of table.values()) {
      for (const number of new Set(this.#groupsOf(entry))) {
        const known = members.get(number);
        if (known === undefined) members.set(number, [entry]);
        else known.push(entry);
      }
    }
    return members;
  }

  #groupsOf({ groups }: ProcessEntry): number[] {
    const found: number[] = [];
    for (const [key, numbers] of this.#numbers) {
      for (let path = groups.get(key) ?? ''; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
        const number = numbers.get(path);
        if (number === undefined) continue;
        found.push(number);
        break;
      }
    }
    return found;
  }
}
