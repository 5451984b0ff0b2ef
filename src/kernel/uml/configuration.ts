import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Options by name without `CONFIG_`: `y`, `n`, a number, or a string in its quotes. */
export type Options = ReadonlyMap<string, string>;

/** Reads a fragment or a .config; what is not in it is off. Pure. */
export function parseOptions(text: string): Options {
  const lines = text.matchAll(/^(?:CONFIG_(\w+)=(.*)|# CONFIG_(\w+) is not set)$/gm);
  return new Map([...lines].map(([, name, value, off]) => [name ?? off ?? '', value ?? 'n']));
}

/** An option that was asked for and did not come out so. */
export interface Unmet {
  option: string;
  asked: string;
  got: string;
}

/** What of the fragment is not so in the configuration that kconfig made of it: a dependency is not met. Pure. */
export function unmetOptions(asked: Options, made: Options): Unmet[] {
  return [...asked]
    .map(([option, value]) => ({ option, asked: value, got: made.get(option) ?? 'n' }))
    .filter((each) => each.asked !== each.got);
}

/** Names of all options that a source tree has, from its Kconfig files. */
export function optionsOfTree(tree: string): Set<string> {
  const names = new Set<string>();
  for (const file of kconfigFiles(tree))
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/^\s*(?:menu)?config\s+(\w+)/gm))
      names.add(name ?? '');
  return names;
}

function kconfigFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return kconfigFiles(path);
    return entry.isFile() && entry.name.startsWith('Kconfig') ? [path] : [];
  });
}
