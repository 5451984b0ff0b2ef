import { BUSY_LOOP } from './programs.js';
import type { Answer, Sandbox } from './sandbox.js';

/** Keeps CPU 0 busy in a compartment of this name and weight, until it is removed. */
export const startBusy = ({ compart }: Sandbox, name: string, weight: string): Promise<Answer> =>
  compart(['run', '-d', '--name', name, '--cpus', '0', '--cpu-weight', weight, '--', ...BUSY_LOOP]);
