import type { Host } from '../../host/host.js';
import { auditRequests, hasElements, tamperedChain } from '../../host/network/audit.js';
import type { LinkCounters } from '../../host/network/counters.js';
import { guardsNow } from '../../host/network/forwarding.js';
import type { Exchanger } from '../../host/network/exchanger.js';
import type { Request } from '../../host/network/netlink.js';
import { enterRouter } from '../../host/network/router.js';
import { parseCounter, TABLE } from '../../host/network/table.js';
import { tryTool } from '../../host/network/tools.js';
import { linkOf } from '../../host/network/veth.js';
import { formatAllowed, formatPublished } from './limits.js';
import { Network } from './network.js';
import type { NetRecord, NetStats } from './record.js';
import { Stack, type StackLook } from './stack.js';

/** What a stack has carried, as it sees it itself; null where its link is gone, or never was. */
export function carriedBy(host: Host, { handles }: NetRecord): LinkCounters | null {
  const counters =
    handles.addresses === null ? null : new Stack(host, handles.router, handles.number).counters();
  return counters === null ? null : fromInside(counters, handles);
}

/** One look at a stack, from which all that is said of it follows: each costs a process. */
export interface Seen extends StackLook {
  /** Null where the link is gone, or never was. */
  counters: LinkCounters | null;
}

/** What to look for besides what counters tell. */
export interface Sought {
  /** Also shapers that were not asked for, and that only somebody else can have put there. */
  all?: boolean;
  /** Is its part of the table as it was made? For {@link faultOf}. */
  table?: boolean;
}

const NOTHING: StackLook = { rx: null, tx: null, messages: [] };

/** @returns what a look at the kernel is about, null where counters tell all */
function soughtOf(host: Host, { limits, handles }: NetRecord, { all, table }: Sought): Request[] | null {
  const { rxLimitBps, txLimitBps, delayUs, lossPercent } = limits;
  const shaped = [rxLimitBps, txLimitBps, delayUs, lossPercent].some((limit) => limit !== null);
  if (!all && !table && !shaped) return null;
  const rules = table ? new Network(host, handles.network).rulesOf(handles.number) : null;
  return rules === null ? [] : auditRequests(rules);
}

export function look(host: Host, record: NetRecord, sought: Sought = {}): Seen {
  const { number, router, addresses } = record.handles;
  const stack = new Stack(host, router, number);
  const counters = addresses === null ? null : stack.counters();
  const more = counters === null ? null : soughtOf(host, record, sought);
  return { counters, ...(more === null ? NOTHING : stack.look(more)) };
}

/** The same, by a process that stays. */
export async function lookBy(
  exchanger: Exchanger,
  host: Host,
  record: NetRecord,
  sought: Sought = {},
): Promise<Seen> {
  const { number, router, addresses } = record.handles;
  const stack = new Stack(host, router, number);
  const counters = addresses === null ? null : stack.counters();
  const more = counters === null ? null : soughtOf(host, record, sought);
  return { counters, ...(more === null ? NOTHING : await stack.lookBy(exchanger, more)) };
}

/**
 * The counters of the router's end of a link as the compartment sees them: the router sends what it receives.
 * @param handles of the compartment, which may have come to a link that had carried something before
 */
export function fromInside(
  outer: LinkCounters,
  { before }: Pick<NetRecord['handles'], 'before'>,
): LinkCounters {
  const since = (key: keyof LinkCounters): number => outer[key] - (before?.[key] ?? 0);
  return {
    rxBytes: since('txBytes'),
    rxPackets: since('txPackets'),
    rxErrors: since('txErrors'),
    rxDropped: since('txDropped'),
    txBytes: since('rxBytes'),
    txPackets: since('rxPackets'),
    txErrors: since('rxErrors'),
    txDropped: since('rxDropped'),
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
  const carried = counters === null ? null : fromInside(counters, handles);
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

/**
 * What of a stack is not as it was made, or null.
 * @param seen with the table
 */
export function faultOf(host: Host, { limits, handles }: NetRecord, seen: Seen): string | null {
  if (limits.stack === 'none') return null;
  const { counters, rx, tx } = seen;
  const link = linkOf(handles.number);
  const network = new Network(host, handles.network);
  if (network.shared() === null) return 'the process that holds its network is gone';
  if (counters === null) return `its link ${link} is gone`;
  if (limits.rxLimitBps !== null && rx?.rateBps !== limits.rxLimitBps) return `the shaper of ${link} is gone`;
  if (limits.txLimitBps !== null && tx?.rateBps !== limits.txLimitBps)
    return `the shaper inside ${link} is gone`;
  return tableFault(host, network, handles.number, seen);
}

/** What of the table does not hold a stack any more, or null. */
function tableFault(host: Host, network: Network, number: number, { messages }: Seen): string | null {
  const rules = network.rulesOf(number);
  const shared = network.shared();
  if (rules === null || shared === null || !hasElements(messages, rules))
    return `the rules of ${linkOf(number)} in the table ${TABLE} are gone`;
  const { guards } = shared.forwarding;
  const chain = tamperedChain(
    messages,
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
