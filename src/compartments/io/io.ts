import type { IoDeviceLimits, IoLimits, IoMore, IoStats } from '../../host/cgroup/driver.js';
import { io as v1 } from '../../host/cgroup/v1/io.js';
import { io as v2 } from '../../host/cgroup/v2/io.js';
import { CgroupSubsystem } from '../cgroup-subsystem.js';

/** What was asked of one device replaces what stood there, limit by limit. */
function mergeDevices(
  now: IoDeviceLimits[],
  asked: Array<Partial<IoDeviceLimits> & { device: string }>,
): IoDeviceLimits[] {
  const none = {
    readBytesPerSecond: null,
    writeBytesPerSecond: null,
    readOpsPerSecond: null,
    writeOpsPerSecond: null,
  };
  const devices = new Map(now.map((entry) => [entry.device, entry]));
  for (const entry of asked) devices.set(entry.device, { ...none, ...devices.get(entry.device), ...entry });
  return [...devices.values()];
}

/** Bandwidth and operations of block devices. */
export const io = new CgroupSubsystem<IoLimits, IoStats, IoMore>({
  kind: 'io',
  flags: { devices: '--io-read, --io-write' },
  drivers: { v1, v2 },
  unlimited: { devices: [] },
  sample: { devices: [] },
  merge: (now, asked) => ({ devices: mergeDevices(now.devices, asked.devices ?? []) }),
  validate: () => undefined,
  lacks: () => [],
});
