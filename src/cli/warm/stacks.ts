import { usageError } from '../../shared/errors.js';
import { refuse } from '../../compartments/compartment.js';
import { parseLimits } from '../../compartments/limits.js';
import { MOST_STACKS, StackPool } from '../../compartments/net/stack-pool.js';
import { checkLimits, refusalsOf } from '../../compartments/subsystems.js';
import type { Host } from '../../host/host.js';
import type { StacksQuestion } from './question.js';

/**
 * The pool that was asked for, nothing made yet.
 * @param host of the service
 * @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED
 */
export function stackPool(host: Host, { stacks, limits: texts }: StacksQuestion): StackPool {
  if (stacks > MOST_STACKS)
    throw usageError(`--stacks: ${stacks} are more than are kept`, `at most ${MOST_STACKS}`);
  if (stacks === 0) return new StackPool(host, {}, 0);
  if (texts['net'] === undefined)
    throw usageError('--stacks: of which rates?', 'as in compart warm --stacks 4 --net 10mbit');
  const limits = parseLimits(texts, { host, workdir: '.' });
  const pool = new StackPool(host, limits.net ?? {}, stacks);
  checkLimits(host, limits);
  refuse(refusalsOf(host, limits));
  return pool;
}
