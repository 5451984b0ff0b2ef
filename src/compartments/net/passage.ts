import { CompartError } from '../../shared/errors.js';
import { runToolSync } from '../../host/exec.js';
import type { Host } from '../../host/host.js';
import { knockLines, knocksHeard, NO_KNOCK, NOWHERE, othersWhoForward } from '../../host/network/firewall.js';
import { netnsPaths } from '../../host/network/router.js';
import type { StackRules } from '../../host/network/table.js';
import { nftBatch, tryNft } from '../../host/network/tools.js';
import { pause } from '../../host/pause.js';
import type { Shared } from './shared.js';
import { Stack } from './stack.js';
import { uplinkHere, type OwnRouter } from './uplink.js';

const PATIENCE_MS = 150;
const UNHELD = { rxLimitBps: null, txLimitBps: null, delayUs: null, lossPercent: null };

/**
 * Does the host hand on what a stack sends? Asked with a packet where rules of others stand in the way (docker's
 * policy, firewalld's zones): nothing else tells what they come to.
 * @param number of a stack for this alone
 */
export function handsOn(
  host: Host,
  shared: Shared,
  number: number,
  addRules: (rules: StackRules) => void,
): boolean {
  const stack = new Stack(host, shared.router, number);
  try {
    const { addresses } = stack.makeNow(shared, UNHELD);
    addRules({ number, addresses, txLimitBps: null, allow: null, peers: [] });
    nftBatch([], knockLines(addresses.ipv4));
    const [netns] = netnsPaths(shared.router, host.paths.proc, stack.netns);
    runToolSync(host.paths.native('knock'), [netns?.path ?? '', NOWHERE.ip, String(NOWHERE.port)]);
    for (const started = Date.now(); Date.now() - started < PATIENCE_MS; pause(5)) {
      if (knocksHeard() > 0) return true;
    }
    return false;
  } finally {
    tryNft([], NO_KNOCK);
    stack.unmake();
  }
}

/**
 * The way past rules that drop what the host forwards, which are not ours to change: a router of compart's own, whose
 * packets the host sends itself.
 * @throws ERR_COMPART_UNSUPPORTED without slirp4netns or pasta
 */
export function wayAround(host: Host): OwnRouter {
  const uplink = uplinkHere();
  if (uplink !== null) return { ownUsers: false, uplink };
  const chains = othersWhoForward(host.paths).join(', ');
  throw new CompartError(
    'ERR_COMPART_UNSUPPORTED',
    `this host's firewall drops what it forwards for a network stack (${chains})`,
    {
      hint: 'apt-get install slirp4netns, which goes around it; or let packets from and to links compart* pass',
    },
  );
}
