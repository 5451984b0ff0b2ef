/**
 * The files of modules and of all that they depend on, in the order in which they have to be loaded. Pure.
 * @param dep text of modules.dep (depmod(8)): `FILE: FILE...`, what FILE depends on, nearest first
 * @param names of modules, as modprobe(8) takes them; one that is not listed is built in, or is not to be had
 */
export function moduleFiles(dep: string, names: readonly string[]): string[] {
  const lines = new Map(
    dep.split('\n').flatMap((line): Array<[string, string[]]> => {
      const [file = '', rest = ''] = line.split(':');
      return file === '' ? [] : [[nameOf(file), [file, ...rest.trim().split(/\s+/).filter(Boolean)]]];
    }),
  );
  const files = names.flatMap((name) => [...(lines.get(name) ?? [])].reverse());
  return [...new Set(files)];
}

const nameOf = (file: string): string =>
  (file.split('/').at(-1) ?? '').replace(/\.ko$/, '').replaceAll('-', '_');
