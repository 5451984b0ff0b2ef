/** CFS bandwidth (Documentation/scheduler/sched-bwc.rst): quota microseconds of CPU in every period. */
export interface Quota {
  quotaUs: number;
  periodUs: number;
}

const DEFAULT_PERIOD_US = 100_000;
const LONGEST_PERIOD_US = 1_000_000;
const SMALLEST_QUOTA_US = 1000;

/** The smallest ceiling the kernel can hold: 1 ms in a period of 1 s. */
export const SMALLEST_CPUS = SMALLEST_QUOTA_US / LONGEST_PERIOD_US;

/** What a quota comes to in CPUs; null where there is none. */
export function cpusOf(quotaUs: number | null, periodUs: number | null): number | null {
  return quotaUs === null || !periodUs ? null : quotaUs / periodUs;
}

/** The quota for a ceiling in CPUs; the period is stretched where the quota would be under 1 ms. */
export function quotaFor(cpus: number): Quota {
  const quotaUs = Math.round(cpus * DEFAULT_PERIOD_US);
  if (quotaUs >= SMALLEST_QUOTA_US) return { quotaUs, periodUs: DEFAULT_PERIOD_US };
  return {
    quotaUs: Math.max(SMALLEST_QUOTA_US, Math.round(cpus * LONGEST_PERIOD_US)),
    periodUs: LONGEST_PERIOD_US,
  };
}
