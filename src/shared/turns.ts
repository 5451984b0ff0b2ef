/** Does all of it, so many at a time, begun in the order given. @throws (rejects) as the first that fails */
export async function inTurns(work: ReadonlyArray<() => Promise<unknown>>, atOnce: number): Promise<void> {
  const rest = work.values();
  const worker = async (): Promise<void> => {
    for (const step of rest) await step();
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, work.length) }, worker));
}
