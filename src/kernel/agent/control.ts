import { CompartError } from '../../shared/errors.js';
import type { Compartment } from '../../compartments/compartment.js';
import { askTool } from '../../host/exec.js';
import { parseLines } from '../../state/guest.js';
import { requireRunning } from './running.js';

/** What a keeper can be asked for. */
export type GuestRequest = 'status' | 'memory' | 'stop' | 'mount' | 'unmount';

/**
 * Asks the keeper of a guest for something (CONTROL, native/frame.h).
 * @returns what it answered
 * @throws ERR_COMPART_BUSY in the words of keeper or kernel where it refuses, ERR_COMPART_KERNEL where it cannot be
 * asked, ERR_COMPART_NOT_FOUND for a guest that does not run
 */
export async function controlGuest(
  compartment: Compartment,
  what: GuestRequest,
  more: Record<string, string | number | bigint> = {},
): Promise<Map<string, string>> {
  requireRunning(compartment);
  const { host, store, record } = compartment;
  const words = [`do=${what}`, ...Object.entries(more).map(([key, value]) => `${key}=${value}`)];
  const asked = await askTool(host.paths.native('guest'), ['control', store.folder(record.name), ...words]);
  const answer = parseLines(asked.stdout);
  if (asked.status === 0) return answer;
  const refusal = answer.get('error');
  if (refusal !== undefined)
    throw new CompartError('ERR_COMPART_BUSY', `"${record.name}" cannot do that now: ${refusal}`, {
      ...(what === 'memory' ? { hint: `compart exec ${record.name} -- free says what it uses` } : {}),
    });
  throw new CompartError(
    'ERR_COMPART_KERNEL',
    `cannot ask "${record.name}": ${asked.stderr.replace(/^compart: /, '') || 'no answer'}`,
  );
}
