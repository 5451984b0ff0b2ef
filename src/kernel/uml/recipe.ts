import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CompartError } from '../../shared/errors.js';

export interface Patch {
  name: string;
  path: string;
}

/** What makes a kernel of a source: it is part of compart, and the same for everybody. */
export interface Recipe {
  /** The path of the configuration fragment. */
  fragment: string;
  /** The text of it. */
  options: string;
  /** In the order in which they are applied. */
  patches: readonly Patch[];
  /** Of the options and the changes, 12 hexadecimal digits. Comments may change without a kernel being built anew. */
  hash: string;
}

/** The patch that lets a line take any amount of input (installed.ts, `lineFix`). */
export const LINE_FIX = '0001-um-line-let-input-go-on-after-a-throttle.patch';

/** The patch that lets a kernel run on a CPU with a longer state than its own (xstate.ts, `wideState`). */
export const WIDE_STATE = '0006-um-registers-run-where-the-hosts-state-is-larger-than-ours.patch';

/** Beside this file in the source tree; seen from the bundle and from the library else. */
function shippedFolder(): string {
  const places = ['./', '../../src/kernel/uml/', '../../../../src/kernel/uml/'].map((up) =>
    fileURLToPath(new URL(up, import.meta.url)),
  );
  const found = places.find((place) => existsSync(`${place}kernel.config`));
  if (found !== undefined) return found;
  throw new CompartError('ERR_COMPART_INTERNAL', `no kernel.config in ${places[1] ?? ''}`, {
    hint: 'install compart anew: the folder src/kernel/uml is part of it',
  });
}

/** Reads the recipe of this installation. @throws ERR_COMPART_INTERNAL where a file of it is missing */
export function readRecipe(folder: string = shippedFolder()): Recipe {
  const fragment = `${folder}kernel.config`;
  const options = readFileSync(fragment, 'utf8');
  const patches = readdirSync(`${folder}patches`)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => ({ name, path: `${folder}patches/${name}` }));
  const hash = createHash('sha256').update(options.replace(/^(#.*)?\n/gm, ''));
  for (const { path } of patches) hash.update(readFileSync(path, 'utf8').replace(/^.*?^(?=diff )/ms, '\0'));
  return { fragment, options, patches, hash: hash.digest('hex').slice(0, 12) };
}
