/** /proc/meminfo as bytes by name (proc_meminfo(5)). */
export function parseMeminfo(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([^:]+):\s+(\d+)( kB)?$/.exec(line);
    if (match?.[1] !== undefined)
      values.set(match[1], Number(match[2]) * (match[3] === undefined ? 1 : 1024));
  }
  return values;
}
