import type { Row } from './frame.js';
import { series } from './panels.js';
import { finite, gain, own, rate } from './queries.js';

/** vm: what is charged, of what it is made, what the limit did. */
export const memoryRow: Row = {
  title: 'Memory',
  panels: [
    series({
      title: 'Memory and its limits',
      description:
        'All that is charged, page cache included, and the working set, beside the limits that are set.',
      unit: 'bytes',
      queries: [
        { expr: own('compart_memory_usage_bytes'), legend: 'usage' },
        { expr: own('compart_memory_working_set_bytes'), legend: 'working set' },
        { expr: own('compart_memory_peak_bytes'), legend: 'peak' },
        { expr: finite(own('compart_memory_limit_bytes')), legend: 'limit', limit: 'red' },
        { expr: finite(own('compart_memory_high_bytes')), legend: 'throttling limit', limit: 'orange' },
        {
          expr: `(${own('compart_memory_reservation_bytes')} > 0) < +Inf`,
          legend: 'reservation',
          limit: 'blue',
        },
      ],
    }),
    series({
      title: 'What memory is made of',
      description: 'Anonymous memory, page cache (tmpfs is part of it) and kernel memory.',
      unit: 'bytes',
      stacked: true,
      queries: [
        { expr: own('compart_memory_anon_bytes'), legend: 'anonymous' },
        { expr: own('compart_memory_cache_bytes'), legend: 'page cache' },
        { expr: own('compart_memory_kernel_bytes'), legend: 'kernel' },
      ],
    }),
    series({
      title: 'Inside the page cache',
      description: 'Shared memory and tmpfs, which cannot be dropped, and what waits to be written back.',
      unit: 'bytes',
      width: 8,
      queries: [
        { expr: own('compart_memory_shmem_bytes'), legend: 'shared memory and tmpfs' },
        { expr: own('compart_memory_dirty_bytes'), legend: 'dirty' },
      ],
    }),
    series({
      title: 'Swap',
      description: 'Swap in use beside its limit.',
      unit: 'bytes',
      width: 8,
      queries: [
        { expr: own('compart_memory_swap_usage_bytes'), legend: 'usage' },
        { expr: finite(own('compart_memory_swap_limit_bytes')), legend: 'limit', limit: 'red' },
      ],
    }),
    series({
      title: 'At the limit',
      description: 'How often usage met the limits between two points, and what was killed.',
      unit: 'short',
      width: 8,
      bars: true,
      queries: [
        { expr: gain(own('compart_memory_limit_hits_total')), legend: 'at the limit' },
        { expr: gain(own('compart_memory_high_hits_total')), legend: 'over the throttling limit' },
        { expr: gain(own('compart_memory_oom_events_total')), legend: 'out of memory' },
        { expr: gain(own('compart_memory_oom_kills_total')), legend: 'processes killed' },
      ],
    }),
    series({
      title: 'Reclaim',
      description: 'Pages per second looked at and taken back. Many scanned for few taken: memory is tight.',
      unit: 'cps',
      width: 8,
      queries: [
        { expr: rate(own('compart_memory_scanned_pages_total')), legend: 'scanned' },
        { expr: rate(own('compart_memory_reclaimed_pages_total')), legend: 'reclaimed' },
      ],
    }),
    series({
      title: 'Refaults',
      description:
        'Pages per second that were reclaimed and wanted again: the limit is below the working set.',
      unit: 'cps',
      width: 8,
      queries: [{ expr: rate(own('compart_memory_refaults_total')), legend: '{{type}}' }],
    }),
    series({
      title: 'Page faults',
      description: 'Page faults per second; a major one waited for the disk.',
      unit: 'cps',
      width: 8,
      queries: [{ expr: rate(own('compart_memory_page_faults_total')), legend: '{{type}}' }],
    }),
  ],
};
