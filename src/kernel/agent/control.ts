import type { Compartment } from '../../compartments/compartment.js';
import { runTool } from '../../host/exec.js';
import { parseLines } from '../../state/guest.js';
import { requireRunning } from './running.js';

/**
 * Asks the keeper of a guest for something (CONTROL, native/frame.h).
 * @returns what it answered
 * @throws ERR_COMPART_KERNEL in the words of keeper or kernel, ERR_COMPART_NOT_FOUND for a guest that does not run
 */
export async function controlGuest(
  compartment: Compartment,
  what: 'status' | 'memory' | 'stop',
  more: Record<string, number> = {},
): Promise<Map<string, string>> {
  requireRunning(compartment);
  const { host, store, record } = compartment;
  const words = [`do=${what}`, ...Object.entries(more).map(([key, value]) => `${key}=${value}`)];
  return parseLines(
    await runTool(host.paths.native('guest'), ['control', store.folder(record.name), ...words]),
  );
}
