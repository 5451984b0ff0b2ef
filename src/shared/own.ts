/** An entry of a table by a word that somebody typed: `constructor` and `__proto__` are in no table. */
export function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
