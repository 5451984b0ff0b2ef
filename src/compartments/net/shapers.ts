import { isShaper, parseQdiscs, type QdiscReading } from '../../host/network/qdisc.js';
import { enterRouter, type Router } from '../../host/network/router.js';
import { showQdiscs } from '../../host/network/tools.js';
import { INNER_LINK, linkOf } from '../../host/network/veth.js';

/** The shapers towards all stacks behind a router, by link, from one tc(8). @throws ERR_COMPART_KERNEL */
export async function readOuterShapers(router: Router): Promise<Map<string, QdiscReading>> {
  const qdiscs = parseQdiscs(await showQdiscs(enterRouter(router), null, null)).filter(isShaper);
  return new Map(qdiscs.map((qdisc) => [qdisc.link, qdisc]));
}

/** The shaper of what one stack sends, or null where it or its stack is gone. @throws ERR_COMPART_KERNEL */
export async function readInnerShaper(router: Router, number: number): Promise<QdiscReading | null> {
  const text = await showQdiscs(enterRouter(router), linkOf(number), INNER_LINK);
  return parseQdiscs(text).find(isShaper) ?? null;
}
