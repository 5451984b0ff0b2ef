import type { Host } from '../../host/host.js';
import { enterRouter, type Router } from '../../host/network/router.js';
import { parseCounter, TABLE } from '../../host/network/table.js';
import { tryTool } from '../../host/network/tools.js';
import { formatAllowed, formatPublished } from './limits.js';
import { Network } from './network.js';
import type { NetRecord, NetStats } from './record.js';
import { Stack } from './stack.js';

/** One reading; rx is what the compartment downloads. */
export function readStack(host: Host, { limits, handles }: NetRecord): NetStats {
  const stack = new Stack(host, handles.router, handles.number);
  const counters = handles.addresses === null ? null : stack.counters();
  const shaped =
    limits.rxLimitBps !== null ||
    limits.txLimitBps !== null ||
    limits.delayUs !== null ||
    limits.lossPercent !== null;
  const shapers = shaped && counters !== null ? stack.shapers() : { rx: null, tx: null };
  const plus = (link: number | undefined, shaper: number | undefined): number | null =>
    link === undefined ? null : link + (shaper ?? 0);
  // The router sends what the stack receives.
  return {
    rxBytes: counters?.txBytes ?? null,
    txBytes: counters?.rxBytes ?? null,
    rxPackets: counters?.txPackets ?? null,
    txPackets: counters?.rxPackets ?? null,
    rxDropped: plus(counters?.txDropped, shapers.rx?.drops),
    txDropped: plus(counters?.rxDropped, shapers.tx?.drops),
    rxLimitBps: limits.rxLimitBps === null ? null : (shapers.rx?.rateBps ?? null),
    txLimitBps: limits.txLimitBps === null ? null : (shapers.tx?.rateBps ?? null),
    address: handles.addresses?.ipv4 ?? null,
    published: limits.published.map(formatPublished),
    refused: limits.allow === null ? null : refusedBy(handles.router, stack.link),
  };
}

/** What the kernel says is in force, and by what. */
export function limitsInForce(host: Host, { limits, handles }: NetRecord): object {
  const stack = new Stack(host, handles.router, handles.number);
  const { rx, tx } = limits.stack === 'own' ? stack.shapers() : { rx: null, tx: null };
  return {
    stack: limits.stack,
    rxLimitBps: rx?.rateBps ?? null,
    txLimitBps: tx?.rateBps ?? null,
    published: limits.published.map(formatPublished),
    allow: limits.allow?.map(formatAllowed) ?? null,
    delayUs: limits.delayUs,
    lossPercent: limits.lossPercent,
    shaper: rx?.kind ?? tx?.kind ?? null,
    uplink: handles.router.uplink,
  };
}

/** What of a stack is not as it was made, or null. */
export function faultIn(host: Host, { limits, handles }: NetRecord): string | null {
  if (limits.stack === 'none') return null;
  const stack = new Stack(host, handles.router, handles.number);
  const network = new Network(host, handles.network);
  if (network.shared() === null) return 'the process that holds its network is gone';
  if (stack.counters() === null) return `its link ${stack.link} is gone`;
  const { rx, tx } = stack.shapers();
  if (rx?.rateBps !== limits.rxLimitBps && limits.rxLimitBps !== null)
    return `the shaper of ${stack.link} is gone`;
  if (tx?.rateBps !== limits.txLimitBps && limits.txLimitBps !== null)
    return `the shaper inside ${stack.netns} is gone`;
  const { status } = tryTool(enterRouter(handles.router), 'nft', [
    ...['get', 'element', ...TABLE.split(' '), 'addresses4'],
    `{ "${stack.link}" . ${handles.addresses?.ipv4 ?? ''} }`,
  ]);
  return status === 0 ? null : `the rules of ${stack.link} in the table ${TABLE} are gone`;
}

function refusedBy(router: Router, link: string): number | null {
  const { status, stdout } = tryTool(enterRouter(router), 'nft', [
    '-j',
    'list',
    'counter',
    ...TABLE.split(' '),
    link,
  ]);
  return status === 0 ? parseCounter(stdout) : null;
}
