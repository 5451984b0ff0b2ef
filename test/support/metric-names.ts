/** The metrics of compart: the labels of each beside `compartment`, which those of a compartment have (not of the host). */
export const METRICS: Readonly<Record<string, { scope: string; type: string; labels: readonly string[] }>> = {
  compart_info: { scope: 'c', type: 'info', labels: ['id', 'kind', 'hierarchy', 'net', 'version'] },
  compart_state: { scope: 'c', type: 'gauge', labels: ['state'] },
  compart_creation_time_seconds: { scope: 'c', type: 'gauge', labels: [] },
  compart_start_time_seconds: { scope: 'c', type: 'gauge', labels: [] },
  compart_last_exit_time_seconds: { scope: 'c', type: 'gauge', labels: [] },
  compart_last_exit_code: { scope: 'c', type: 'gauge', labels: [] },
  compart_starts_total: { scope: 'c', type: 'counter', labels: [] },
  compart_exits_total: { scope: 'c', type: 'counter', labels: ['reason'] },
  compart_frozen: { scope: 'c', type: 'gauge', labels: [] },
  compart_frozen_seconds_total: { scope: 'c', type: 'counter', labels: [] },
  compart_memory_usage_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_working_set_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_peak_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_anon_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_cache_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_shmem_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_kernel_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_dirty_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_limit_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_high_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_reservation_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_swap_usage_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_swap_limit_bytes: { scope: 'c', type: 'gauge', labels: [] },
  compart_memory_limit_hits_total: { scope: 'c', type: 'counter', labels: [] },
  compart_memory_high_hits_total: { scope: 'c', type: 'counter', labels: [] },
  compart_memory_oom_events_total: { scope: 'c', type: 'counter', labels: [] },
  compart_memory_oom_kills_total: { scope: 'c', type: 'counter', labels: [] },
  compart_memory_scanned_pages_total: { scope: 'c', type: 'counter', labels: [] },
  compart_memory_reclaimed_pages_total: { scope: 'c', type: 'counter', labels: [] },
  compart_memory_refaults_total: { scope: 'c', type: 'counter', labels: ['type'] },
  compart_memory_page_faults_total: { scope: 'c', type: 'counter', labels: ['type'] },
  compart_cpu_seconds_total: { scope: 'c', type: 'counter', labels: ['mode'] },
  compart_cpu_limit_cores: { scope: 'c', type: 'gauge', labels: [] },
  compart_cpu_period_seconds: { scope: 'c', type: 'gauge', labels: [] },
  compart_cpu_weight: { scope: 'c', type: 'gauge', labels: [] },
  compart_cpu_allowed_cores: { scope: 'c', type: 'gauge', labels: [] },
  compart_cpu_periods_total: { scope: 'c', type: 'counter', labels: [] },
  compart_cpu_throttled_periods_total: { scope: 'c', type: 'counter', labels: [] },
  compart_cpu_throttled_seconds_total: { scope: 'c', type: 'counter', labels: [] },
  compart_pressure_waiting_seconds_total: { scope: 'c', type: 'counter', labels: ['resource'] },
  compart_pressure_stalled_seconds_total: { scope: 'c', type: 'counter', labels: ['resource'] },
  compart_pids: { scope: 'c', type: 'gauge', labels: [] },
  compart_pids_limit: { scope: 'c', type: 'gauge', labels: [] },
  compart_pids_limit_hits_total: { scope: 'c', type: 'counter', labels: [] },
  compart_io_bytes_total: { scope: 'c', type: 'counter', labels: ['operation'] },
  compart_io_operations_total: { scope: 'c', type: 'counter', labels: ['operation'] },
  compart_network_receive_bytes_total: { scope: 'c', type: 'counter', labels: [] },
  compart_network_receive_packets_total: { scope: 'c', type: 'counter', labels: [] },
  compart_network_receive_errors_total: { scope: 'c', type: 'counter', labels: [] },
  compart_network_receive_drops_total: { scope: 'c', type: 'counter', labels: [] },
  compart_network_transmit_bytes_total: { scope: 'c', type: 'counter', labels: [] },
  compart_network_transmit_packets_total: { scope: 'c', type: 'counter', labels: [] },
  compart_network_transmit_errors_total: { scope: 'c', type: 'counter', labels: [] },
  compart_network_transmit_drops_total: { scope: 'c', type: 'counter', labels: [] },
  compart_network_rate_limit_bytes_per_second: { scope: 'c', type: 'gauge', labels: ['direction'] },
  compart_network_shaper_drops_total: { scope: 'c', type: 'counter', labels: ['direction'] },
  compart_network_shaper_overlimits_total: { scope: 'c', type: 'counter', labels: ['direction'] },
  compart_network_shaper_backlog_bytes: { scope: 'c', type: 'gauge', labels: ['direction'] },
  compart_network_shaper_backlog_packets: { scope: 'c', type: 'gauge', labels: ['direction'] },
  compart_network_conntrack_entries: { scope: 'c', type: 'gauge', labels: [] },
  compart_guest_up: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_last_report_time_seconds: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_boot_time_seconds: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_boot_duration_seconds: { scope: 'g', type: 'gauge', labels: ['stage'] },
  compart_guest_memory_total_bytes: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_memory_available_bytes: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_memory_free_bytes: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_memory_cached_bytes: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_load1: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_load5: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_load15: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_processes: { scope: 'g', type: 'gauge', labels: [] },
  compart_guest_oom_kills_total: { scope: 'g', type: 'counter', labels: [] },
  compart_boot_duration_seconds: { scope: 'h', type: 'histogram', labels: [] },
  compart_collector_duration_seconds: { scope: 'h', type: 'gauge', labels: ['collector'] },
  compart_collector_success: { scope: 'h', type: 'gauge', labels: ['collector'] },
  compart_collector_errors_total: { scope: 'h', type: 'counter', labels: ['collector'] },
  compart_compartments: { scope: 'h', type: 'gauge', labels: [] },
  compart_series_dropped_total: { scope: 'h', type: 'counter', labels: [] },
  compart_host_oom_kills_total: { scope: 'h', type: 'counter', labels: [] },
  compart_host_exits_total: { scope: 'h', type: 'counter', labels: ['reason'] },
  compart_host_created_total: { scope: 'h', type: 'counter', labels: [] },
  compart_host_removed_total: { scope: 'h', type: 'counter', labels: [] },
  compart_build_info: { scope: 'h', type: 'info', labels: ['version', 'commit', 'node'] },
  compart_host_cpu_seconds_total: { scope: 'h', type: 'counter', labels: ['mode'] },
  compart_host_network_receive_bytes_total: { scope: 'h', type: 'counter', labels: [] },
  compart_host_network_transmit_bytes_total: { scope: 'h', type: 'counter', labels: [] },
  compart_host_io_bytes_total: { scope: 'h', type: 'counter', labels: ['operation'] },
};

/** What Prometheus itself says of each scrape, and prom-client of the process that serves. */
export const PROCESS_METRICS: typeof METRICS = {
  up: { scope: 'h', type: 'gauge', labels: [] },
  scrape_duration_seconds: { scope: 'h', type: 'gauge', labels: [] },
  scrape_samples_scraped: { scope: 'h', type: 'gauge', labels: [] },
  process_start_time_seconds: { scope: 'h', type: 'gauge', labels: [] },
  process_cpu_seconds_total: { scope: 'h', type: 'counter', labels: [] },
  process_resident_memory_bytes: { scope: 'h', type: 'gauge', labels: [] },
  process_open_fds: { scope: 'h', type: 'gauge', labels: [] },
  process_max_fds: { scope: 'h', type: 'gauge', labels: [] },
  nodejs_eventloop_lag_p99_seconds: { scope: 'h', type: 'gauge', labels: [] },
};

/** Labels that Prometheus adds to everything it scrapes. */
const SCRAPED = ['job', 'instance'];

/** The labels that a series has, or null where nothing is called so. */
export function labelsOf(series: string): readonly string[] | null {
  if (series === 'ALERTS') return [...SCRAPED, 'compartment', 'alertname', 'alertstate'];
  const family = METRICS[series] ?? PROCESS_METRICS[series] ?? histogramOf(series);
  if (family === undefined) return null;
  const own = family.scope === 'h' ? [] : ['compartment'];
  return [...SCRAPED, ...own, ...family.labels, ...(series.endsWith('_bucket') ? ['le'] : [])];
}

function histogramOf(series: string): (typeof METRICS)[string] | undefined {
  const family = METRICS[series.replace(/_(bucket|sum|count)$/, '')];
  return family?.type === 'histogram' ? family : undefined;
}
