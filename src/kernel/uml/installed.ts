import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { Host } from '../../host/host.js';
import type { Kernel } from '../guest-kernel.js';
import { kernelPlaces, type KernelPlaces } from './places.js';

/** What a build writes down beside its kernel, in kernel.json. */
export interface BuildRecord {
  version: string;
  /** Of the fragment and the patches. */
  hash: string;
  source: { path: string; identity: string };
  /** ISO 8601. */
  built: string;
  sizeBytes: number;
  lineFix: boolean;
  /** Absent in the records of builds from before the patch. */
  wideState?: boolean;
  /** Lines that make printed: how long the next build will be. */
  steps: number;
  /** Patches that this source did not take. */
  refused: string[];
  /** Options that this source does not have. */
  unknown: string[];
}

/** A kernel of a folder of kernels, with its record. */
export interface BuiltKernel extends Kernel {
  record: BuildRecord;
}

/**
 * Kernels that are installed, the fastest first: those that compart built, the newest before others, and Debian's at the
 * end. A few synchronous reads.
 */
export function installedKernels(
  host: Pick<Host, 'uid' | 'caller'>,
  places: KernelPlaces = kernelPlaces(host.uid, host.caller.env),
): Kernel[] {
  const built = builtKernels(host, places).map(({ record: _record, ...kernel }) => kernel);
  const debian = debianKernel(places.debian);
  return debian === null ? built : [...built, debian];
}

/** Those of them that compart built, place by place, with what their builds wrote down. */
export function builtKernels({ uid }: Pick<Host, 'uid'>, places: KernelPlaces): BuiltKernel[] {
  return places.installed.flatMap((place) =>
    namesIn(place)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => builtKernel(`${place}/${name}`, uid) ?? [])
      .sort((a, b) => b.record.built.localeCompare(a.record.built)),
  );
}

/** Only whole ones, and none that another ordinary user could have put there. */
function builtKernel(folder: string, uid: number): BuiltKernel | null {
  const path = `${folder}/linux`;
  const record = readRecord(`${folder}/kernel.json`);
  if (record === null || !isTrusted(path, uid)) return null;
  const { version, lineFix, wideState = false } = record;
  const features = { lineFix, wideState };
  return { path, version, origin: 'compart', features, modulesDir: null, record };
}

function readRecord(path: string): BuildRecord | null {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as Partial<BuildRecord> | null;
    const whole = typeof record?.version === 'string' && typeof record.built === 'string';
    return whole ? (record as BuildRecord) : null;
  } catch {
    return null;
  }
}

function isTrusted(path: string, uid: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return false;
  return (stat.uid === 0 || stat.uid === uid) && (stat.mode & 0o002) === 0 && (stat.mode & 0o111) !== 0;
}

/** Its version is that of the modules which its package brings. */
function debianKernel({ kernel, modules }: KernelPlaces['debian']): Kernel | null {
  if (statSync(kernel, { throwIfNoEntry: false }) === undefined) return null;
  const release = namesIn(modules)
    .filter((name) => /^\d/.test(name))
    .sort(byVersion)
    .at(-1);
  return {
    path: kernel,
    version: release ?? 'unknown',
    origin: 'debian',
    features: { lineFix: false, wideState: false },
    modulesDir: release === undefined ? null : `${modules}/${release}`,
  };
}

const byVersion = (one: string, other: string): number => one.localeCompare(other, 'en', { numeric: true });

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
