import type { Driver, FileWrite, IoDeviceLimits, IoLimits, IoMore, IoStats, ReadGroup } from '../driver.js';
import { numberIn } from '../parse.js';

const FILES = {
  readBytesPerSecond: 'blkio.throttle.read_bps_device',
  writeBytesPerSecond: 'blkio.throttle.write_bps_device',
  readOpsPerSecond: 'blkio.throttle.read_iops_device',
  writeOpsPerSecond: 'blkio.throttle.write_iops_device',
} as const;
type Limit = keyof typeof FILES;
const LIMITS = Object.keys(FILES) as Limit[];

function inForce(read: ReadGroup): IoLimits {
  const devices = new Map<string, IoDeviceLimits>();
  for (const limit of LIMITS) {
    for (const line of read('blkio', FILES[limit])?.split('\n') ?? []) {
      const [device, value] = line.split(' ');
      if (!device || value === undefined) continue;
      const none = {
        readBytesPerSecond: null,
        writeBytesPerSecond: null,
        readOpsPerSecond: null,
        writeOpsPerSecond: null,
      };
      const entry = devices.get(device) ?? { device, ...none };
      entry[limit] = numberIn(value);
      devices.set(device, entry);
    }
  }
  return { devices: [...devices.values()] };
}

/** 0 takes a throttle away (Documentation/admin-guide/cgroup-v1/blkio-controller.rst). */
function writes(next: IoLimits, read: ReadGroup): FileWrite[] {
  const list: FileWrite[] = [];
  const now = new Map(inForce(read).devices.map((entry) => [entry.device, entry]));
  const wanted = new Map(next.devices.map((entry) => [entry.device, entry]));
  for (const device of new Set([...now.keys(), ...wanted.keys()])) {
    for (const limit of LIMITS) {
      const value = wanted.get(device)?.[limit] ?? null;
      if (value === (now.get(device)?.[limit] ?? null)) continue;
      list.push({ controller: 'blkio', file: FILES[limit], value: `${device} ${value ?? 0}` });
    }
  }
  return list;
}

/** Sums `MAJ:MIN Read N` lines over all devices. */
function sum(text: string | null, operation: 'Read' | 'Write'): number | null {
  if (text === null) return null;
  let total = 0;
  for (const line of text.split('\n')) {
    const [, name, value] = line.split(' ');
    if (name === operation) total += numberIn(value ?? null) ?? 0;
  }
  return total;
}

function stats(read: ReadGroup): IoStats {
  const bytes = read('blkio', 'blkio.throttle.io_service_bytes_recursive');
  const ops = read('blkio', 'blkio.throttle.io_serviced_recursive');
  return {
    readBytes: sum(bytes, 'Read'),
    writeBytes: sum(bytes, 'Write'),
    readOps: sum(ops, 'Read'),
    writeOps: sum(ops, 'Write'),
    // io.pressure of the twin knows nothing of a v1 throttle.
    pressureSomeUs: null,
  };
}

export const io: Driver<IoLimits, IoStats, IoMore> = {
  name: 'cgroup1',
  needs: ['blkio'],
  uses: [],
  unenforceable: () => [],
  writes,
  inForce,
  stats,
  glance: () => ({}),
  more: () => ({ pressureFullUs: null }),
};
