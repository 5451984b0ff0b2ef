import type { Driver, FileWrite, IoDeviceLimits, IoLimits, IoMore, IoStats, ReadGroup } from '../driver.js';
import { numberIn, orMax, pressureUs } from '../parse.js';

/** Nested keyed lines: `254:0 rbps=1 wbps=max`. */
function nested(text: string | null): Array<{ device: string; values: Map<string, string> }> {
  return (text ?? '')
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => {
      const [device = '', ...pairs] = line.split(' ');
      return { device, values: new Map(pairs.map((pair) => pair.split('=', 2) as [string, string])) };
    });
}

function inForce(read: ReadGroup): IoLimits {
  const devices = nested(read('io', 'io.max')).map(({ device, values }): IoDeviceLimits => {
    const value = (key: string): number | null => numberIn(values.get(key) ?? null);
    return {
      device,
      readBytesPerSecond: value('rbps'),
      writeBytesPerSecond: value('wbps'),
      readOpsPerSecond: value('riops'),
      writeOpsPerSecond: value('wiops'),
    };
  });
  return { devices };
}

function writes(next: IoLimits, read: ReadGroup): FileWrite[] {
  const line = (entry: IoDeviceLimits): FileWrite => ({
    controller: 'io',
    file: 'io.max',
    value:
      `${entry.device} rbps=${orMax(entry.readBytesPerSecond)} wbps=${orMax(entry.writeBytesPerSecond)}` +
      ` riops=${orMax(entry.readOpsPerSecond)} wiops=${orMax(entry.writeOpsPerSecond)}`,
  });
  const wanted = new Set(next.devices.map((entry) => entry.device));
  const dropped = inForce(read).devices.filter((entry) => !wanted.has(entry.device));
  const none = {
    readBytesPerSecond: null,
    writeBytesPerSecond: null,
    readOpsPerSecond: null,
    writeOpsPerSecond: null,
  };
  return [...dropped.map((entry) => line({ ...none, device: entry.device })), ...next.devices.map(line)];
}

function stats(read: ReadGroup): IoStats {
  const text = read('io', 'io.stat');
  const lines = nested(text);
  const sum = (key: string): number | null =>
    text === null
      ? null
      : lines.reduce((total, { values }) => total + (numberIn(values.get(key) ?? null) ?? 0), 0);
  return {
    readBytes: sum('rbytes'),
    writeBytes: sum('wbytes'),
    readOps: sum('rios'),
    writeOps: sum('wios'),
    pressureSomeUs: pressureUs(read('io', 'io.pressure'), 'some'),
  };
}

export const io: Driver<IoLimits, IoStats, IoMore> = {
  name: 'cgroup2',
  needs: ['io'],
  uses: [],
  unenforceable: () => [],
  writes,
  inForce,
  stats,
  glance: () => ({}),
  more: (read) => ({ pressureFullUs: pressureUs(read('io', 'io.pressure'), 'full') }),
};
