import type { Host } from '../../host/host.js';
import { CompartError } from '../../shared/errors.js';
import { builtKernels, type BuiltKernel } from './installed.js';
import { compile, configure } from './make.js';
import { applyPatches } from './patch.js';
import { kernelPlaces, type KernelPlaces } from './places.js';
import { Meter, type Progress } from './progress.js';
import { LINE_FIX, WIDE_STATE, readRecipe, type Recipe } from './recipe.js';
import { findSource, placeSource, type Source } from './source.js';
import { installKernel, prepareFolder } from './store.js';
import { checkTools } from './tools.js';
import { Workshop } from './workshop.js';
import { asksForItsSize } from './xstate.js';

export interface BuildRequest {
  /** A tree or a tarball of Linux; null for the newest of Debian's packages. */
  source: string | null;
  onProgress: (progress: Progress) => void;
  /** Ends the build: it throws the signal's reason, and leaves nothing. */
  abort: AbortSignal;
}

export interface BuildResult extends BuiltKernel {
  /** Whether it was there already: the same source, options and patches. */
  cached: boolean;
}

/**
 * Builds a kernel for guests and installs it where this caller's kernels are, or returns the one that is there already.
 * @throws ERR_COMPART_UNSUPPORTED on another CPU than x86_64, ERR_COMPART_USAGE for a source that is none,
 *   ERR_COMPART_BUILD where tools or room are missing, an option does not take, or make fails
 */
export async function buildKernel(
  host: Host,
  request: BuildRequest,
  places: KernelPlaces = kernelPlaces(host.uid, host.caller.env),
): Promise<BuildResult> {
  if (process.arch !== 'x64')
    throw new CompartError('ERR_COMPART_UNSUPPORTED', `User Mode Linux does not run on ${process.arch}`, {
      hint: 'guests need a host of x86_64',
    });
  const { target, cache } = places;
  if (target === null || cache === null) throw homeless();
  const recipe = readRecipe();
  const source = findSource(request.source);
  const former = builtKernels(host, { ...places, installed: [target] });
  const present = former.find(({ record }) => isSame(record, source, recipe));
  if (present !== undefined) return { ...present, cached: true };
  checkTools();
  prepareFolder(target, host.paths.proc);
  const shop = Workshop.open(cache, host.paths.proc, request.abort);
  try {
    const steps = former.find(({ record }) => record.hash === recipe.hash) ?? former[0];
    const meter = new Meter(steps?.record.steps ?? null);
    const path = await make(
      shop,
      { source, recipe, target, meter, proc: host.paths.proc },
      request.onProgress,
    );
    const built = builtKernels(host, { ...places, installed: [target] }).find((each) => each.path === path);
    if (built !== undefined) return { ...built, cached: false };
    throw new CompartError('ERR_COMPART_INTERNAL', `${path} was installed and is not listed`);
  } finally {
    shop.close();
  }
}

interface Job {
  source: Source;
  recipe: Recipe;
  target: string;
  meter: Meter;
  proc: string;
}

async function make(shop: Workshop, job: Job, onProgress: BuildRequest['onProgress']): Promise<string> {
  const { source, recipe, target, meter, proc } = job;
  const tell = (phase: Progress['phase'], percent: number): void =>
    onProgress({ phase, percent, leftMs: null });
  tell('unpack', 0);
  const tree = shop.place('linux');
  const version = await placeSource(source, tree, shop);
  tell('configure', 0);
  const refused = await applyPatches(tree, recipe.patches, shop);
  const unknown = await configure(tree, recipe, shop);
  const linux = await compile(tree, shop, meter, () => onProgress(meter.progress));
  tell('install', 100);
  const record = {
    version,
    hash: recipe.hash,
    source: { path: source.path, identity: source.identity },
    built: new Date().toISOString(),
    lineFix: !refused.includes(LINE_FIX),
    wideState: !refused.includes(WIDE_STATE) || asksForItsSize(tree),
    steps: meter.steps,
    refused,
    unknown,
  };
  return installKernel(linux, target, record, shop, proc);
}

const isSame = ({ hash, source: built }: BuiltKernel['record'], source: Source, recipe: Recipe): boolean =>
  hash === recipe.hash && built.path === source.path && built.identity === source.identity;

const homeless = (): CompartError =>
  new CompartError('ERR_COMPART_BUILD', 'there is no place for a kernel: HOME is not set', {
    hint: 'COMPART_KERNELS names one for kernels, XDG_CACHE_HOME one for building',
  });
