import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { CompartError } from '../../shared/errors.js';
import { optionsOfTree, parseOptions, unmetOptions } from './configuration.js';
import type { Meter } from './progress.js';
import type { Recipe } from './recipe.js';
import type { Workshop } from './workshop.js';

const ARCH = ['ARCH=um', 'SUBARCH=x86_64'];

/**
 * Makes .config: everything off but what the fragment asks for, and what that needs.
 * @returns options that this source does not have
 * @throws ERR_COMPART_BUILD naming options that did not come out as asked
 */
export async function configure(
  tree: string,
  { fragment, options }: Recipe,
  shop: Workshop,
): Promise<string[]> {
  await shop.run('make', ['-C', tree, ...ARCH, `KCONFIG_ALLCONFIG=${fragment}`, 'allnoconfig']);
  const made = parseOptions(readFileSync(join(tree, '.config'), 'utf8'));
  const unmet = unmetOptions(parseOptions(options), made);
  if (unmet.length === 0) return [];
  const known = optionsOfTree(tree);
  const wrong = unmet.filter(({ option }) => known.has(option));
  if (wrong.length === 0) return unmet.map(({ option }) => option);
  const named = wrong.map(({ option, asked, got }) => `CONFIG_${option}=${asked} (came out ${got})`);
  throw new CompartError('ERR_COMPART_BUILD', `options of ${fragment} did not take: ${named.join(', ')}`, {
    hint: 'a dependency of each is off, or it has another name in this source',
  });
}

/** Compiles the kernel. @returns the program, with its symbols */
export async function compile(
  tree: string,
  shop: Workshop,
  meter: Meter,
  onStep: () => void,
): Promise<string> {
  const jobs = `-j${availableParallelism()}`;
  await shop.run('make', ['-C', tree, ...ARCH, jobs, 'linux'], (line) => {
    if (meter.count(line)) onStep();
  });
  return join(tree, 'linux');
}
