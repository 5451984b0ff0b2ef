import type { CompartmentEvent } from '../../../src/compartments/events.js';
import type { Listed, Sample } from '../../../src/metrics/page/wire.js';

/** One compartment as the server tells of it. */
export function listed(
  name: string,
  stats: Record<string, object> = {},
  changed: Partial<Listed> = {},
): Listed {
  const subsystems = Object.entries(stats).map(([kind, each]) => [
    kind,
    { driver: 'cgroup2', enforced: true, notEnforced: [], limits: {}, stats: each },
  ]);
  return {
    name,
    id: `id-${name}`,
    kind: 'compartment',
    state: 'running',
    pid: 1,
    command: ['true'],
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:00.000Z',
    labels: {},
    subsystems: Object.fromEntries(subsystems) as Listed['subsystems'],
    ...changed,
  };
}

export const START = Date.parse('2026-01-01T00:00:00.000Z');

export function sample(second: number, compartments: Listed[], changed: Partial<Sample> = {}): Sample {
  return { time: START + second * 1000, full: false, compartments, gone: [], events: [], ...changed };
}

export const event = (
  name: string,
  kind: CompartmentEvent['event'],
  detail: Record<string, unknown>,
): CompartmentEvent => ({ time: new Date(START + 1000).toISOString(), name, event: kind, detail });
