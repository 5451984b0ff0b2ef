import type { PlacedDisk } from './disks.js';
import type { GuestMount } from './mounts.js';
import type { Root } from './root.js';

/** One step of making the sandbox's file system (native/boot_plan.h). */
export type ViewStep =
  | { cover: string }
  | { from: string; ro: string }
  | { from: string; rw: string }
  | { from: string; dev: string };

/** Folders of the host's root that are the host's alone: its kernel's, its devices, its sockets, its secrets of the day. */
const OF_THE_HOST = ['/proc', '/sys', '/dev', '/run', '/tmp'];

/** Where the root, and what else has a place of its own, is in the sandbox. */
export const ROOT_AT = '/r';
export const PRELOAD_AT = '/preload.so';
export const mountAt = (index: number): string => `/m/${index}`;
export const moduleAt = (index: number): string => `/mod/${index}.ko`;

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

export interface View {
  root: Root;
  mounts: readonly GuestMount[];
  disks: readonly PlacedDisk[];
  hide: readonly string[];
  /** The caller's working directory, which a copy of the host's root shows wherever it is. */
  workdir: string;
  /** Folders of compart's own, which no guest sees. */
  own: readonly string[];
  kernel: string;
  libraries: readonly string[];
  /** The library of native/ that its kernel wants besides; null for none. */
  preload: string | null;
  init: string;
  modules: readonly string[];
}

/** Is this place of the host's root covered in a copy of it, unless a guest is made to show it? Pure. */
export const isCovered = (path: string, own: readonly string[]): boolean =>
  [...OF_THE_HOST, ...own].some((folder) => isBelow(path, folder));

function rootSteps({ root, hide, workdir, own }: View): ViewStep[] {
  if (root.kind === 'image') return [];
  const at = root.write === 'through' ? { rw: ROOT_AT } : { ro: ROOT_AT };
  const cover = (path: string): ViewStep => ({ cover: `${ROOT_AT}${path}` });
  if (root.kind === 'folder') return [{ from: root.path, ...at }, ...hide.map(cover)];
  const covered = [...OF_THE_HOST, ...own].filter(
    (path, index, all) => !all.some((other, before) => before < index && isBelow(path, other)),
  );
  const shows = covered.some((path) => isBelow(workdir, path)) && !own.some((path) => isBelow(workdir, path));
  return [
    { from: root.path, ...at },
    // Whoever stands in /tmp itself wants to see it.
    ...covered.filter((path) => path !== '/tmp' || workdir !== '/tmp').map(cover),
    ...(shows && !OF_THE_HOST.includes(workdir) ? [{ from: workdir, ro: `${ROOT_AT}${workdir}` }] : []),
    ...hide.map(cover),
  ];
}

/** All that the sandbox of a guest's kernel shows, in the order in which it is made. Pure. */
export function viewSteps(view: View): ViewStep[] {
  const { mounts, disks, kernel, libraries, preload, init, modules } = view;
  return [
    { from: kernel, ro: '/kernel' },
    ...libraries.map((library) => ({ from: library, ro: library })),
    ...(preload === null ? [] : [{ from: preload, ro: PRELOAD_AT }]),
    { from: init, ro: '/init' },
    ...modules.map((module, index) => ({ from: module, ro: moduleAt(index) })),
    ...rootSteps(view),
    ...mounts.map(({ source, readOnly }, index) =>
      readOnly ? { from: source, ro: mountAt(index) } : { from: source, rw: mountAt(index) },
    ),
    ...disks.flatMap(({ file, cow, at, cowAt, readOnly, isDevice }): ViewStep[] => [
      isDevice
        ? { from: file, dev: at }
        : readOnly || cow !== null
          ? { from: file, ro: at }
          : { from: file, rw: at },
      ...(cow === null || cowAt === null ? [] : [{ from: cow, rw: cowAt }]),
    ]),
  ];
}
