import type { Patch } from './recipe.js';
import type { Workshop } from './workshop.js';

/**
 * Applies the patches to a tree, one after the other. One that does not fit a source of another version changes nothing.
 * @returns names of those that did not fit
 */
export async function applyPatches(
  tree: string,
  patches: readonly Patch[],
  shop: Workshop,
): Promise<string[]> {
  const refused: string[] = [];
  for (const { name, path } of patches) {
    const argv = ['-d', tree, '-p1', '--forward', '--batch', '-i', path];
    const { exitCode } = await shop.follow('patch', [...argv, '--dry-run'], () => undefined);
    if (exitCode === 0) await shop.run('patch', argv);
    else refused.push(name);
  }
  return refused;
}
