import type { Host } from '../../host/host.js';
import { auditLines, tamperedChain } from '../../host/network/audit.js';
import type { LinkCounters } from '../../host/network/counters.js';
import { guardsNow } from '../../host/network/forwarding.js';
import type { QdiscReading } from '../../host/network/qdisc.js';
import { enterRouter } from '../../host/network/router.js';
import { parseCounter, TABLE } from '../../host/network/table.js';
import { askNft, tryTool } from '../../host/network/tools.js';
import { linkOf } from '../../host/network/veth.js';
import { formatAllowed, formatPublished } from './limits.js';
import { Network } from './network.js';
import type { NetRecord, NetStats } from './record.js';
import { Stack } from './stack.js';

/** What a stack has carried, as it sees it itself; null where its link is gone, or never was. */
export function carriedBy(host: Host, { handles }: NetRecord): LinkCounters | null {
  const counters =
    handles.addresses === null ? null : new Stack(host, handles.router, handles.number).counters();
  return counters === null ? null : fromInside(counters);
}

/** One look at a stack, from which all that is said of it follows: each costs two processes of tc(8). */
export interface Seen {
  /** Null where the link is gone, or never was. */
  counters: LinkCounters | null;
  rx: QdiscReading | null;
  tx: QdiscReading | null;
}

/** @param all also shapers that were not asked for, and that only somebody else can have put there */
export function look(host: Host, { limits, handles }: NetRecord, all = false): Seen {
  const stack = new Stack(host, handles.router, handles.number);
  const counters = handles.addresses === null ? null : stack.counters();
  const { rxLimitBps, txLimitBps, delayUs, lossPercent } = limits;
  const shaped = all || [rxLimitBps, txLimitBps, delayUs, lossPercent].some((limit) => limit !== null);
  return { counters, ...(shaped && counters !== null ? stack.shapers() : { rx: null, tx: null }) };
}

/** The counters of the router's end of a link as the compartment sees them: the router sends what it receives. */
export function fromInside(outer: LinkCounters): LinkCounters {
  return {
    rxBytes: outer.txBytes,
    rxPackets: outer.txPackets,
    rxErrors: outer.txErrors,
    rxDropped: outer.txDropped,
    txBytes: outer.rxBytes,
    txPackets: outer.rxPackets,
    txErrors: outer.rxErrors,
    txDropped: outer.rxDropped,
  };
}

/** The rates that were asked for, as they are in force. */
export const ratesOf = (
  { limits }: Pick<NetRecord, 'limits'>,
  { rx, tx }: Pick<Seen, 'rx' | 'tx'>,
): Pick<NetStats, 'rxLimitBps' | 'txLimitBps'> => ({
  rxLimitBps: limits.rxLimitBps === null ? null : (rx?.rateBps ?? null),
  txLimitBps: limits.txLimitBps === null ? null : (tx?.rateBps ?? null),
});

/** One reading; rx is what the compartment downloads. */
export function statsOf({ limits, handles }: NetRecord, { counters, rx, tx }: Seen): NetStats {
  const plus = (link: number | undefined, shaper: number | undefined): number | null =>
    link === undefined ? null : link + (shaper ?? 0);
  const carried = counters === null ? null : fromInside(counters);
  return {
    rxBytes: carried?.rxBytes ?? null,
    txBytes: carried?.txBytes ?? null,
    rxPackets: carried?.rxPackets ?? null,
    txPackets: carried?.txPackets ?? null,
    rxDropped: plus(carried?.rxDropped, rx?.drops),
    txDropped: plus(carried?.txDropped, tx?.drops),
    ...ratesOf({ limits }, { rx, tx }),
    address: handles.addresses?.ipv4 ?? null,
    published: limits.published.map(formatPublished),
    refused: limits.allow === null ? null : refusedBy(handles),
  };
}

/** What the kernel says is in force, and by what. */
export function limitsOf({ limits, handles }: NetRecord, { rx, tx }: Seen): object {
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
export function faultOf(
  host: Host,
  { limits, handles }: NetRecord,
  { counters, rx, tx }: Seen,
): string | null {
  if (limits.stack === 'none') return null;
  const link = linkOf(handles.number);
  const network = new Network(host, handles.network);
  if (network.shared() === null) return 'the process that holds its network is gone';
  if (counters === null) return `its link ${link} is gone`;
  if (limits.rxLimitBps !== null && rx?.rateBps !== limits.rxLimitBps) return `the shaper of ${link} is gone`;
  if (limits.txLimitBps !== null && tx?.rateBps !== limits.txLimitBps)
    return `the shaper inside ${link} is gone`;
  return tableFault(host, network, handles);
}

/** What of the table does not hold a stack any more, or null. */
function tableFault(host: Host, network: Network, { router, number }: NetRecord['handles']): string | null {
  const rules = network.rulesOf(number);
  const shared = network.shared();
  const gone = `the rules of ${linkOf(number)} in the table ${TABLE} are gone`;
  if (rules === null || shared === null) return gone;
  const { status, stdout } = askNft(enterRouter(router), auditLines(rules));
  if (status !== 0) return gone;
  const { guards } = shared.forwarding;
  const chain = tamperedChain(
    stdout,
    shared.pool,
    [guards, guardsNow(host.paths.proc, shared.forwarding)],
    rules,
  );
  return chain === null ? null : `the rules in chain ${chain} of the table ${TABLE} are not those of compart`;
}

function refusedBy({ router, number }: NetRecord['handles']): number | null {
  const argv = ['-j', 'list', 'counter', ...TABLE.split(' '), linkOf(number)];
  const { status, stdout } = tryTool(enterRouter(router), 'nft', argv);
  return status === 0 ? parseCounter(stdout) : null;
}
