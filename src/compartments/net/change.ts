import { UndoStack } from '../../shared/undo.js';
import type { Host } from '../../host/host.js';
import {
  allowLines,
  ceilingLines,
  destinationLines,
  withoutAllowLines,
  withoutCeilingLines,
  type StackRules,
} from '../../host/network/table.js';
import type { Ground } from '../subsystem.js';
import { samePort, type NetLimits } from './limits.js';
import { writeHosts, writeResolver } from './names.js';
import type { Network } from './network.js';
import type { Shared } from './shared.js';
import { peersOf } from './peers.js';
import type { NetRecord } from './record.js';
import { Relays } from './relays.js';
import { destinationsOf, hostsLines } from './resolve.js';
import { Stack } from './stack.js';

/** Changes what holds a stack while its connections live: all of it or nothing. */
export function changeStack(
  host: Host,
  network: Network,
  shared: Shared,
  ground: Ground,
  record: NetRecord,
  next: NetLimits,
): NetRecord {
  const undo = new UndoStack();
  try {
    changePorts(host, network, record, next, undo);
    changeRates(host, record, next, undo);
    changeRules(network, shared, record, next, undo);
    changeNames(network, ground, record, next);
    undo.keep();
    return { ...record, limits: next };
  } catch (error) {
    throw undo.unwindFor(error);
  }
}

function changePorts(
  host: Host,
  network: Network,
  record: NetRecord,
  next: NetLimits,
  undo: UndoStack,
): void {
  const { number, addresses, router } = record.handles;
  if (addresses === null) return;
  const relays = new Relays(host, network.relaysOf(number));
  const now = record.limits.published;
  for (const port of next.published.filter((each) => !now.some((other) => samePort(each, other)))) {
    relays.publish(port, addresses.ipv4, router);
    undo.add(`port ${port.hostPort}`, () => relays.unpublish(port));
  }
  for (const port of now.filter((each) => !next.published.some((other) => samePort(each, other)))) {
    relays.unpublish(port);
    undo.add(`port ${port.hostPort}`, () => relays.publish(port, addresses.ipv4, router));
  }
}

const RATES = ['rxLimitBps', 'txLimitBps', 'delayUs', 'lossPercent'] as const;

function changeRates(host: Host, record: NetRecord, next: NetLimits, undo: UndoStack): void {
  const now = record.limits;
  if (RATES.every((key) => now[key] === next[key])) return;
  const { router, number, addresses, mtu } = record.handles;
  if (addresses === null) return;
  const stack = new Stack(host, router, number);
  const made = { addresses, mtu };
  undo.add(`shapers of ${stack.link}`, () => stack.reshape(next, now, made));
  stack.reshape(now, next, made);
}

function changeRules(
  network: Network,
  shared: Shared,
  { handles: { number }, limits: now }: NetRecord,
  next: NetLimits,
  undo: UndoStack,
): void {
  const rules = network.rulesOf(number);
  if (rules === null) return;
  const change = (from: NetLimits, to: NetLimits): void => {
    const lines = ruleLines(number, from, to);
    if (lines.length > 0) network.changeRules(rulesFor(rules, to), lines, shared);
  };
  undo.add('rules', () => change(next, now));
  change(now, next);
}

const rulesFor = (rules: StackRules, { txLimitBps, allow }: NetLimits): StackRules => ({
  ...rules,
  txLimitBps,
  allow: allow === null ? null : destinationsOf(allow),
});

function ruleLines(number: number, from: NetLimits, to: NetLimits): string[] {
  const lines: string[] = [];
  if (from.txLimitBps !== to.txLimitBps) {
    if (from.txLimitBps !== null) lines.push(...withoutCeilingLines(number));
    if (to.txLimitBps !== null) lines.push(...ceilingLines(number, to.txLimitBps));
  }
  if (from.allow === to.allow) return lines;
  if (to.allow === null) return [...lines, ...withoutAllowLines(number)];
  const destinations = destinationsOf(to.allow);
  return [...lines, ...(from.allow === null ? allowLines : destinationLines)(number, destinations)];
}

function changeNames(
  network: Network,
  ground: Ground,
  { handles, limits }: NetRecord,
  next: NetLimits,
): void {
  if (limits.allow === next.allow || handles.addresses === null) return;
  const peers = peersOf(network, ground);
  writeHosts(
    ground.folder,
    hostsLines(ground.name, handles.addresses, handles.hostAddress, peers, next.allow),
  );
  // From now on, only what is allowed has a name.
  if (next.allow !== null) writeResolver(ground.folder, null, false);
}
