import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '../host/host.js';
import { selfIdentity } from '../host/proc/identity.js';
import { NO_COMMAND } from '../state/record.js';
import { createCompartment, type Compartment } from './compartment.js';
import { launchIn } from './launch.js';
import { look } from './net/readings.js';
import type { NetRecord } from './net/record.js';
import { takeAway } from './sweep.js';

/** One direction of a stack that was asked for a rate and then filled. */
export interface RateReading {
  direction: 'download' | 'upload';
  askedBps: number;
  /** What its shaper let pass, headers included. */
  gotBps: number;
  /** Of what was asked, at most {@link TOLERANCE_PERCENT} for `ok`. */
  offPercent: number;
  ok: boolean;
}

const DOWNLOAD_BPS = 100_000_000;
const UPLOAD_BPS = 50_000_000;
const TOLERANCE_PERCENT = 2;
const WARM_UP_MS = 500;
const MEASURED_MS = 2000;
/** Where others keep the CPUs busy, a reading may be off that is not the shaper's. */
const READINGS = 3;
/** Both are to flow until the last reading. */
const FLOW_MS = WARM_UP_MS + READINGS * MEASURED_MS + 1500;
const PORT = 5201;

/**
 * Measures for two seconds, in both directions at once, whether a network stack is held to its rates: two stacks that
 * reach each other, one of them shaped. Twice again where it is not.
 * @throws ERR_COMPART_UNSUPPORTED where this host cannot have one
 */
export async function measureNet(host: Host): Promise<RateReading[]> {
  const { pid } = selfIdentity(host.paths.proc);
  const made: Compartment[] = [];
  const make = async (part: string, rx: number | null, tx: number | null): Promise<Compartment> => {
    const compartment = await create(host, `doctor-${pid}-${part}`, `doctor-${pid}`, rx, tx);
    made.push(compartment);
    // From the record the other one learns who its peer is.
    compartment.store.save(compartment.record);
    return compartment;
  };
  try {
    const held = await make('held', DOWNLOAD_BPS, UPLOAD_BPS);
    const free = await make('free', null, null);
    for (const [from, to] of [
      [held, free],
      [free, held],
    ] as const) {
      await start(to, ['sink', String(PORT)]);
      await start(from, ['send', netOf(to).handles.addresses?.ipv4 ?? '', String(PORT), String(FLOW_MS)]);
    }
    await delay(WARM_UP_MS);
    let readings = await measure(held);
    for (let more = READINGS - 1; more > 0 && !readings.every(({ ok }) => ok); more -= 1)
      readings = await measure(held);
    return readings;
  } finally {
    for (const { store, record } of made.reverse()) takeAway(host, store, record);
  }
}

/** The counters, and when they were read: the look takes a while, and they are of its middle. */
function lookAt(held: Compartment): { net: ReturnType<typeof look>; ms: number } {
  const began = performance.now();
  const net = look(held.host, netOf(held));
  return { net, ms: (began + performance.now()) / 2 };
}

async function measure(held: Compartment): Promise<RateReading[]> {
  const before = lookAt(held);
  await delay(MEASURED_MS);
  const after = lookAt(held);
  const reading = (direction: RateReading['direction'], end: 'rx' | 'tx', askedBps: number): RateReading => {
    const bytes = (after.net[end]?.bytes ?? 0) - (before.net[end]?.bytes ?? 0);
    const gotBps = Math.round((bytes * 8000) / (after.ms - before.ms));
    const offPercent = Math.round(Math.abs(gotBps / askedBps - 1) * 1000) / 10;
    return { direction, askedBps, gotBps, offPercent, ok: offPercent <= TOLERANCE_PERCENT };
  };
  return [reading('download', 'rx', DOWNLOAD_BPS), reading('upload', 'tx', UPLOAD_BPS)];
}

function create(
  host: Host,
  name: string,
  project: string,
  rxLimitBps: number | null,
  txLimitBps: number | null,
): Promise<Compartment> {
  return createCompartment(host, {
    name,
    kinds: ['net'],
    limits: { net: { stack: 'own', rxLimitBps, txLimitBps } },
    labels: {},
    spec: { ...NO_COMMAND, keep: false, project },
    owned: true,
    bestEffort: false,
  });
}

async function start(compartment: Compartment, words: readonly string[]): Promise<void> {
  const launched = await launchIn(compartment, {
    argv: [compartment.host.paths.native('flow'), ...words],
    env: {},
    workdir: '/',
    user: null,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  // They end when their compartment does.
  launched.exited().catch(() => undefined);
}

const netOf = ({ record }: Compartment): NetRecord => record.subsystems['net'] as NetRecord;
