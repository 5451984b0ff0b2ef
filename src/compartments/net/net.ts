import { CompartError, usageError } from '../../shared/errors.js';
import type { Host } from '../../host/host.js';
import { addressesOf, FIRST_NUMBER, ownAddresses } from '../../host/network/pool.js';
import type { StackRules } from '../../host/network/table.js';
import { allEnded } from '../../host/network/steps.js';
import { MTU } from '../../host/network/veth.js';
import { selfIdentity } from '../../host/proc/identity.js';
import type { SubsystemRecord } from '../../state/record.js';
import type { FlagRefusal, Ground, Inspected, Loaded, Placement, Subsystem } from '../subsystem.js';
import { changeStack } from './change.js';
import { UNLIMITED, type NetAsked, type NetLimits } from './limits.js';
import { HOST_NAME, writeHosts, writeResolver } from './names.js';
import { Network } from './network.js';
import { driverOf, hostAddressOf, openStack, recordFor } from './opening.js';
import { releaseStacks } from './release.js';
import type { NetworkKind, Shared } from './shared.js';
import { peersOf, tellPeers } from './peers.js';
import { lackOf, lacksOfConditions } from './probe.js';
import type { NetRecord, NetStats } from './record.js';
import { placementIn } from './placement.js';
import { publishedOf } from './published.js';
import { faultOf, limitsOf, look, ratesOf, statsOf } from './readings.js';
import { destinationsOf, hostsLines, resolveAllowed } from './resolve.js';
import { Stack } from './stack.js';

const FLAGS: Readonly<Record<keyof NetAsked, string>> = {
  stack: '--net',
  rxLimitBps: '--net',
  txLimitBps: '--net',
  published: '--publish',
  publish: '--publish',
  unpublish: '--unpublish',
  allow: '--allow',
  delayUs: '--delay',
  lossPercent: '--loss',
};

const recordOf = ({ record }: Loaded): NetRecord => record as NetRecord;

const kindOf = (limits: Pick<NetLimits, 'stack'>): NetworkKind =>
  limits.stack === 'none' ? 'island' : 'world';

/** The network stack: a namespace of its own, held in both directions. */
class NetSubsystem implements Subsystem<NetAsked, NetStats> {
  readonly kind = 'net';
  readonly optional = true;
  readonly flags = FLAGS;

  probe(host: Host) {
    const lack = lackOf(host);
    const refusals = [
      ...(lack === null ? [] : [{ flag: '--net', ...lack }]),
      ...(lack === null ? lacksOfConditions(host, { delayUs: 1, lossPercent: 1 }) : []),
    ];
    return { kind: this.kind, driver: lack === null ? driverOf(host.uid === 0) : null, refusals } as const;
  }

  controllers(): string[] {
    return [];
  }

  refusals(host: Host, asked: NetAsked): FlagRefusal[] {
    const lack = lackOf(host);
    if (lack === null) return lacksOfConditions(host, asked);
    const flags = new Set((Object.keys(asked) as Array<keyof NetAsked>).map((key) => FLAGS[key]));
    return [...flags].map((flag) => ({ flag, ...lack }));
  }

  check(_host: Host, loaded: Loaded | null, asked: NetAsked): void {
    const now = loaded === null ? null : recordOf(loaded).limits;
    const stack = asked.stack ?? now?.stack;
    const others = (Object.keys(asked) as Array<keyof NetAsked>).filter((key) => FLAGS[key] !== '--net');
    const first = others[0] === undefined ? null : FLAGS[others[0]];
    if (stack === undefined)
      throw usageError(
        `${first ?? '--net'}: the command is on the host's own stack`,
        'give it one of its own: --net max',
      );
    if (now !== null && stack !== now.stack)
      throw usageError(
        `--net: a stack ${now.stack === 'none' ? 'without' : 'with'} a network stays one`,
        'remove the compartment and make another',
      );
    if (stack === 'none' && first !== null)
      throw usageError(`${first}: a stack with --net none has no network`, 'give it one: --net max');
    publishedOf(now?.published ?? [], asked);
  }

  async prepare(host: Host, ground: Ground, asked: NetAsked, now: SubsystemRecord | null): Promise<NetAsked> {
    const { publish: _publish, unpublish: _unpublish, ...rest } = asked;
    const present = now as NetRecord | null;
    const network = new Network(host, kindOf({ ...UNLIMITED, ...present?.limits, ...rest }));
    if (present === null) {
      const claimer = selfIdentity(host.paths.proc);
      await network.enter({ state: ground.state, name: ground.name, id: ground.id, claimer });
    }
    const published = publishedOf(present?.limits.published ?? [], asked);
    if (rest.allow === undefined || rest.allow === null) return { ...rest, published };
    const own = new Map<string, string[]>();
    for (const { name, addresses } of peersOf(network, ground)) own.set(name, ownAddresses(addresses));
    const shared = network.shared();
    const gateway = present?.handles.hostAddress ?? (shared === null ? null : hostOf(shared));
    if (gateway !== null) own.set(HOST_NAME, [gateway]);
    return { ...rest, published, allow: await resolveAllowed(rest.allow, own) };
  }

  async load(host: Host, ground: Ground, asked: NetAsked): Promise<NetRecord> {
    const limits: NetLimits = { ...UNLIMITED, ...asked };
    const network = new Network(host, kindOf(limits));
    const number = network.leases.of(ground.id)?.number;
    const shared = network.shared();
    if (number === undefined || shared === null)
      throw new CompartError(
        'ERR_COMPART_STATE',
        `the network of "${ground.name}" went away while it was made`,
      );
    const stack = new Stack(host, shared.router, number);
    const { router } = shared;
    const driver = driverOf(!router.ownUsers);
    if (limits.stack === 'none') {
      await stack.makeIsland();
      writeHosts(ground.folder, hostsLines(ground.name, null, null, [], null));
      writeResolver(ground.folder, null, false);
      const handles = {
        network: network.kind,
        number,
        router,
        addresses: null,
        mtu: MTU,
        hostAddress: null,
      };
      return { driver, limits, notEnforced: [], handles };
    }
    const peers = peersOf(network, ground);
    const addresses = addressesOf(shared.pool, number);
    const rules: StackRules = {
      number,
      addresses,
      txLimitBps: limits.txLimitBps,
      allow: limits.allow === null ? null : destinationsOf(limits.allow),
      peers: peers.map((peer) => peer.number),
    };
    // The rules are about the link's name: it is nobody's before both are there.
    const making = stack.make(shared, limits);
    await allEnded([making, network.addRules([rules], shared)]);
    const record = recordFor(network, { number, router, ...(await making) }, limits);
    openStack(host, network, ground, record, peers);
    return record;
  }

  update(host: Host, loaded: Loaded, asked: NetAsked): NetRecord {
    const record = recordOf(loaded);
    const network = new Network(host, record.handles.network);
    const shared = network.shared();
    if (shared === null) throw gone(loaded);
    return changeStack(host, network, shared, loaded.ground, record, { ...record.limits, ...asked });
  }

  undo(_host: Host, loaded: Loaded): NetAsked {
    return recordOf(loaded).limits;
  }

  stats(host: Host, loaded: Loaded): NetStats {
    return statsOf(recordOf(loaded), look(host, recordOf(loaded)));
  }

  glance(host: Host, loaded: Loaded): Partial<NetStats> {
    return ratesOf(recordOf(loaded), look(host, recordOf(loaded)));
  }

  inspect(host: Host, loaded: Loaded): Inspected<NetStats> {
    const record = recordOf(loaded);
    const seen = look(host, record, { all: true, table: true });
    return {
      limits: limitsOf(record, seen),
      stats: statsOf(record, seen),
      fault: faultOf(host, record, seen),
    };
  }

  fault(host: Host, loaded: Loaded): string | null {
    return faultOf(host, recordOf(loaded), look(host, recordOf(loaded), { table: true }));
  }

  placement(host: Host, loaded: Loaded): Placement {
    return placementIn(host, loaded.ground.folder, recordOf(loaded));
  }

  release(host: Host, ground: Ground): void {
    for (const kind of ['world', 'island'] as const) {
      const network = new Network(host, kind);
      const lease = network.leases.of(ground.id);
      if (lease === null) continue;
      releaseStacks(host, network, [lease.number]);
      tellPeers(network, ground, null);
    }
  }
}

const hostOf = ({ router, pool }: Shared): string | null =>
  hostAddressOf(router, addressesOf(pool, FIRST_NUMBER).gateway4);

const gone = ({ ground: { name } }: Loaded): CompartError =>
  new CompartError('ERR_COMPART_KERNEL', `the network of "${name}" is gone`, {
    hint: `compart rm --force ${name}`,
  });

export const net = new NetSubsystem();
