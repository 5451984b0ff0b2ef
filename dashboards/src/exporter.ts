import { dashboard, exporterEvents, type Dashboard, type Row } from './frame.js';
import { NEAR_LIMIT, NONE_EXPECTED, series, stat } from './panels.js';
import { gain, host, rate } from './queries.js';

const WHERE = '{{instance}}';
const WHICH = `${WHERE} {{collector}}`;

const nowRow: Row = {
  title: 'Now',
  panels: [
    stat({
      title: 'Exporters up',
      description: 'Hosts whose last scrape succeeded.',
      unit: 'short',
      queries: [{ expr: `sum(${host('up')})`, legend: 'up' }],
    }),
    stat({
      title: 'Exporters down',
      description: 'Hosts that Prometheus cannot scrape.',
      unit: 'short',
      thresholds: NONE_EXPECTED,
      queries: [{ expr: `sum(1 - ${host('up')})`, legend: 'down' }],
    }),
    stat({
      title: 'Collectors failing',
      description: 'Collectors whose last collection failed.',
      unit: 'short',
      thresholds: NONE_EXPECTED,
      queries: [{ expr: `sum(1 - ${host('compart_collector_success')})`, legend: 'failing' }],
    }),
    stat({
      title: 'Compartments',
      description: 'Compartments known on the hosts chosen.',
      unit: 'short',
      queries: [{ expr: `sum(${host('compart_compartments')})`, legend: 'compartments' }],
    }),
    stat({
      title: 'Version',
      description: 'Builds of compart that answer, by version.',
      unit: 'string',
      names: true,
      width: 8,
      queries: [
        {
          expr: `count by (version, node) (${host('compart_build_info')})`,
          legend: '{{version}} on Node {{node}}',
        },
      ],
    }),
  ],
};

const scrapeRow: Row = {
  title: 'Scrapes',
  panels: [
    series({
      title: 'Duration of a scrape',
      description: 'How long Prometheus waited for the answer.',
      unit: 's',
      queries: [{ expr: host('scrape_duration_seconds'), legend: WHERE }],
    }),
    series({
      title: 'Samples of a scrape',
      description: 'Samples in an answer; about 40 a compartment at level core, more at level full.',
      unit: 'short',
      queries: [{ expr: host('scrape_samples_scraped'), legend: WHERE }],
    }),
    series({
      title: 'Duration of collection',
      description: 'How long each collector took the last time.',
      unit: 's',
      queries: [{ expr: host('compart_collector_duration_seconds'), legend: WHICH }],
    }),
    series({
      title: 'Not readable',
      description: 'Files or commands that could not be read, between two points.',
      unit: 'short',
      bars: true,
      queries: [{ expr: gain(host('compart_collector_errors_total')), legend: WHICH }],
    }),
    series({
      title: 'Left out',
      description: 'Compartments left out of answers by the limit on their number, between two points.',
      unit: 'short',
      width: 24,
      bars: true,
      queries: [{ expr: gain(host('compart_series_dropped_total')), legend: WHERE }],
    }),
  ],
};

const processRow: Row = {
  title: 'The process',
  panels: [
    series({
      title: 'CPU of the exporter',
      description: 'Cores that compart serve itself keeps busy.',
      unit: 'short',
      queries: [{ expr: rate(host('process_cpu_seconds_total')), legend: WHERE }],
    }),
    series({
      title: 'Memory of the exporter',
      description: 'Resident memory of compart serve.',
      unit: 'bytes',
      queries: [{ expr: host('process_resident_memory_bytes'), legend: WHERE }],
    }),
    series({
      title: 'Event loop',
      description: 'How late its event loop was, 99th percentile: over 20 ms a scrape holds others up.',
      unit: 's',
      thresholds: [
        { value: null, color: 'green' },
        { value: 0.02, color: 'orange' },
      ],
      queries: [{ expr: host('nodejs_eventloop_lag_p99_seconds'), legend: WHERE }],
    }),
    series({
      title: 'Open files',
      description: 'File descriptors of compart serve as a share of those it may open.',
      unit: 'percentunit',
      thresholds: NEAR_LIMIT,
      queries: [{ expr: `${host('process_open_fds')} / ${host('process_max_fds')}`, legend: WHERE }],
    }),
  ],
};

/** compart serve itself. */
export function exporterDashboard(): Dashboard {
  return dashboard({
    uid: 'compart-exporter',
    title: 'compart / Exporter',
    description: 'compart serve itself: whether it answers, how long it takes, what it costs.',
    annotations: exporterEvents(),
    rows: [nowRow, scrapeRow, processRow],
  });
}
