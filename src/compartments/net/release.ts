import type { Host } from '../../host/host.js';
import type { Network } from './network.js';
import { Relays } from './relays.js';
import { Stack } from './stack.js';

/** Takes stacks away, whatever of them is there, and gives their numbers back. */
export function releaseStacks(host: Host, network: Network, numbers: readonly number[]): void {
  for (const number of numbers) new Relays(host, network.relaysOf(number)).endAll();
  const shared = network.shared();
  // A router that is dead took its stacks with it; of the host's own they go together with their rules.
  if (shared !== null && (network.kind === 'island' || shared.router.holder !== null))
    for (const number of numbers) new Stack(host, shared.router, number).unmake();
  network.leave(numbers);
  network.tidy();
}
