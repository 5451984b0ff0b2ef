/** What `iperf3 -J` says of one stream, as far as tests read it. */
interface Report {
  error?: string;
  intervals: Array<{ sum: { start: number; end: number; bits_per_second: number } }>;
  end: { streams: unknown[]; sum_received: { bits_per_second: number } };
}

/** One TCP connection. */
export interface Flow {
  error: string | null;
  streams: number;
  /** Megabits a second that arrived, from begin to end. */
  mbit: number;
  /** The same of each interval that lies between two moments, in seconds since its start. */
  between: (from: number, to: number) => number[];
}

export function parseIperf(text: string): Flow {
  const { error, intervals, end } = JSON.parse(text) as Report;
  return {
    error: error ?? null,
    streams: end.streams.length,
    mbit: end.sum_received.bits_per_second / 1e6,
    between: (from, to) =>
      intervals.flatMap(({ sum }) =>
        sum.start >= from - 0.01 && sum.end <= to + 0.01 ? [sum.bits_per_second / 1e6] : [],
      ),
  };
}
