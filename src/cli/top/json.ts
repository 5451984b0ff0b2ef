import type { LiveMember } from '../../metrics/live/member.js';
import { pressureOf } from './columns.js';
import { shareOf } from './numbers.js';

/** One compartment as `top --json` tells of it: who it is, its rates, and the counters as `stats --json` has them. */
export function topJson(member: LiveMember): object {
  const { record, state, rates, stats } = member;
  const { id, name, kind, labels, spec } = record;
  return {
    name,
    id,
    kind,
    state,
    labels,
    command: spec.command,
    startedAt: record.startedAt === null ? null : new Date(record.startedAt).toISOString(),
    rates: {
      ...rates,
      memoryPercent: shareOf(stats.vm?.usageBytes, stats.vm?.limitBytes),
      pressurePercent: pressureOf(member),
    },
    ...stats,
  };
}
