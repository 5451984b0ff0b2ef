import { constants } from 'node:os';
import { chooseKernel } from '../../kernel/choose.js';
import { buildKernel, type BuildResult } from '../../kernel/uml/build.js';
import type { Kernel } from '../../kernel/guest-kernel.js';
import { builtKernels, installedKernels } from '../../kernel/uml/installed.js';
import { kernelPlaces } from '../../kernel/uml/places.js';
import { uml } from '../../kernel/uml/uml.js';
import { usageError } from '../../shared/errors.js';
import { own } from '../../shared/own.js';
import { formatSize } from '../../shared/units/size.js';
import { orDash, table } from '../format.js';
import { openGauge } from '../progress.js';
import type { Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';

type Deed = (args: Parameters<Handler>[0], terminal: Terminal) => Promise<number>;

const DEEDS: Readonly<Record<string, Deed>> = {
  list: (args, terminal) => Promise.resolve(list(args.on('json'), terminal)),
  path: (args, terminal) => Promise.resolve(path(args.on('json'), terminal)),
  build: (args, terminal) => build(args.text('source'), args.on('json'), terminal),
};

export const handler: Handler = (args, terminal) => {
  const [word = ''] = args.words;
  const deed = own(DEEDS, word);
  if (deed === undefined)
    throw usageError(`kernel: "${word}" is none`, `accepted: ${Object.keys(DEEDS).join(', ')}`);
  if (word !== 'build' && args.text('source') !== null)
    throw usageError(`--source is no flag of kernel ${word}`, 'compart kernel build takes it');
  return deed(args, terminal);
};

function list(asJson: boolean, { host, out, json }: Terminal): number {
  const kernels = installedKernels(host);
  const records = new Map(
    builtKernels(host, kernelPlaces(host.uid, host.caller.env)).map((kernel) => [kernel.path, kernel.record]),
  );
  const all = kernels.map((kernel) => {
    const { hash = null, built = null, sizeBytes = null, source = null } = records.get(kernel.path) ?? {};
    const lack = uml.lack(kernel, host)?.why ?? null;
    return { ...kernel, hash, built, sizeBytes, source: source?.path ?? null, lack };
  });
  if (asJson) json(all);
  else
    out(
      table(
        ['VERSION', 'FROM', 'SIZE', 'BUILT', 'LINES', 'RUNS HERE', 'PATH'],
        all.map(({ version, origin, sizeBytes, built, features, lack, path: file }) => [
          version,
          origin,
          orDash(sizeBytes, formatSize),
          orDash(built, (text) => text.slice(0, 16).replace('T', ' ')),
          features.lineFix ? 'full speed' : '4 KB at a time',
          lack === null ? 'yes' : 'no',
          file,
        ]),
      ),
    );
  return 0;
}

function path(asJson: boolean, { host, out, json }: Terminal): number {
  const first = chooseKernel(uml, host, null);
  if (asJson) json(first);
  else out(`${first.path}\n`);
  return 0;
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal ends the build, which cleans up, and then compart with the status that a shell gives such an end. */
async function build(source: string | null, asJson: boolean, terminal: Terminal): Promise<number> {
  const { host, out, json, say } = terminal;
  const abort = new AbortController();
  let status = 0;
  const end = (signal: NodeJS.Signals): void => {
    status = 128 + constants.signals[signal];
    abort.abort(new Error(signal));
  };
  for (const signal of ENDING) process.on(signal, end);
  const gauge = openGauge(say);
  try {
    const built = await buildKernel(host, { source, onProgress: gauge.show, abort: abort.signal });
    gauge.close();
    if (!built.cached) warn(built, say);
    if (asJson) json(answer(built));
    else out(`${built.path}\n`);
    return 0;
  } catch (error) {
    gauge.close();
    if (status !== 0) return status;
    throw error;
  } finally {
    for (const signal of ENDING) process.off(signal, end);
  }
}

function warn({ record: { refused, unknown, version } }: BuildResult, say: Terminal['say']): void {
  if (refused.length > 0) say(`patches that Linux ${version} does not take: ${refused.join(', ')}`);
  if (unknown.length > 0) say(`options that Linux ${version} does not have: ${unknown.join(', ')}`);
}

function answer({ record, cached, ...kernel }: BuildResult): Kernel & Record<string, unknown> {
  const { hash, built, sizeBytes, source, refused, unknown } = record;
  return { ...kernel, hash, built, sizeBytes, source: source.path, refused, unknown, cached };
}
