import { dashboard, events, type Dashboard, type Row } from './frame.js';
import { series, shares, stat, type Query } from './panels.js';
import { EACH, bits, finite, own, rate, top } from './queries.js';

const WHO = '{{compartment}} ({{instance}})';
const BOTH = `${WHO} {{direction}}`;

/** The ten busiest, and the limits of those ten. */
const besideLimit = (direction: 'receive' | 'transmit'): Query[] => {
  const flow = bits(direction);
  return [
    { expr: top(flow.rate), legend: WHO },
    {
      expr: `${flow.limit} and on (job, instance, compartment) ${top(flow.rate)}`,
      legend: `${WHO} limit`,
      limit: 'red',
    },
  ];
};

const limiter = (name: string): string => own(`compart_network_shaper_${name}`);
const counter = (name: string): string => rate(own(`compart_network_${name}_total`));

const rateRow: Row = {
  title: 'Rate against limit',
  panels: [
    stat({
      title: 'Networks',
      description: 'Compartments chosen that have a network stack of their own.',
      unit: 'short',
      queries: [
        {
          expr: `count(${own('compart_network_rate_limit_bytes_per_second', 'direction="receive"')})`,
          legend: 'networks',
        },
      ],
    }),
    stat({
      title: 'Limited',
      description: 'Directions with a bandwidth limit, two for a compartment that is limited both ways.',
      unit: 'short',
      none: '0',
      queries: [
        {
          expr: `count(${finite(own('compart_network_rate_limit_bytes_per_second'))})`,
          legend: 'directions',
        },
      ],
    }),
    stat({
      title: 'Received',
      description: 'Bits per second that all compartments chosen receive.',
      unit: 'bps',
      queries: [{ expr: `sum(${bits('receive').rate})`, legend: 'received' }],
    }),
    stat({
      title: 'Sent',
      description: 'Bits per second that all compartments chosen send.',
      unit: 'bps',
      queries: [{ expr: `sum(${bits('transmit').rate})`, legend: 'sent' }],
    }),
    stat({
      title: 'Queued',
      description: 'Bytes that wait in the bandwidth limiters.',
      unit: 'bytes',
      queries: [{ expr: `sum(${limiter('backlog_bytes')})`, legend: 'queued' }],
    }),
    stat({
      title: 'Connections',
      description: 'Connections tracked in the network namespaces of the compartments chosen.',
      unit: 'short',
      queries: [{ expr: `sum(${own('compart_network_conntrack_entries')})`, legend: 'connections' }],
    }),
    series({
      title: 'Received and its limit, top 10',
      description: 'Bits per second received by the ten busiest, beside the limit of each.',
      unit: 'bps',
      queries: besideLimit('receive'),
    }),
    series({
      title: 'Sent and its limit, top 10',
      description: 'Bits per second sent by the ten busiest, beside the limit of each.',
      unit: 'bps',
      queries: besideLimit('transmit'),
    }),
    shares({
      title: 'Nearest to the limit, receiving',
      description: 'Bytes received as a share of the limit, the ten largest. Without a limit: not listed.',
      unit: 'percentunit',
      queries: [{ expr: top(`${bits('receive').ratio} > 0`), legend: WHO }],
    }),
    shares({
      title: 'Nearest to the limit, sending',
      description: 'Bytes sent as a share of the limit, the ten largest. Without a limit: not listed.',
      unit: 'percentunit',
      queries: [{ expr: top(`${bits('transmit').ratio} > 0`), legend: WHO }],
    }),
  ],
};

const limiterRow: Row = {
  title: 'What the limit does',
  panels: [
    series({
      title: 'Dropped by the limiter, top 10',
      description:
        'Packets per second that the bandwidth limiter dropped: senders slow down when they see it.',
      unit: 'pps',
      queries: [{ expr: top(rate(limiter('drops_total'))), legend: BOTH }],
    }),
    series({
      title: 'Held back by the limiter, top 10',
      description: 'How often per second the bandwidth limiter made a packet wait.',
      unit: 'ops',
      queries: [{ expr: top(rate(limiter('overlimits_total'))), legend: BOTH }],
    }),
    series({
      title: 'Backlog, top 10',
      description: 'Bytes that wait in the bandwidth limiter.',
      unit: 'bytes',
      width: 8,
      queries: [{ expr: top(limiter('backlog_bytes')), legend: BOTH }],
    }),
    series({
      title: 'Backlog in packets, top 10',
      description: 'Packets that wait in the bandwidth limiter.',
      unit: 'short',
      width: 8,
      queries: [{ expr: top(limiter('backlog_packets')), legend: BOTH }],
    }),
    series({
      title: 'Delay by the backlog, top 10',
      description: 'How long a packet waits at the limited rate behind what is queued.',
      unit: 's',
      width: 8,
      thresholds: [
        { value: null, color: 'green' },
        { value: 0.05, color: 'orange' },
      ],
      queries: [
        {
          expr: top(`${limiter('backlog_bytes')} / ${own('compart_network_rate_limit_bytes_per_second')}`),
          legend: BOTH,
        },
      ],
    }),
  ],
};

const linkRow: Row = {
  title: 'Links',
  panels: [
    series({
      title: 'Packets, top 10',
      description: 'Packets per second, both directions together.',
      unit: 'pps',
      width: 8,
      queries: [
        {
          expr: top(`${counter('receive_packets')} + ${counter('transmit_packets')}`),
          legend: WHO,
        },
      ],
    }),
    series({
      title: 'Dropped by interfaces, top 10',
      description:
        'Packets per second that the interfaces of a compartment dropped, the limiter not counted.',
      unit: 'pps',
      width: 8,
      queries: [
        { expr: top(counter('receive_drops')), legend: `${WHO} receive` },
        { expr: top(counter('transmit_drops')), legend: `${WHO} transmit` },
      ],
    }),
    series({
      title: 'Errors, top 10',
      description: 'Errors per second on the interfaces of a compartment, both directions together.',
      unit: 'pps',
      width: 8,
      queries: [{ expr: top(`${counter('receive_errors')} + ${counter('transmit_errors')}`), legend: WHO }],
    }),
    series({
      title: 'Connections, top 10',
      description: 'Connections tracked in the network namespace of a compartment.',
      unit: 'short',
      width: 24,
      queries: [{ expr: top(`sum ${EACH} (${own('compart_network_conntrack_entries')})`), legend: WHO }],
    }),
  ],
};

/** Bandwidth: rate against limit, what the limiter holds back, what is lost. */
export function networkDashboard(): Dashboard {
  return dashboard({
    uid: 'compart-network',
    title: 'compart / Network',
    description: 'Compartments with a network stack of their own: rate against limit, drops and backlog.',
    compartments: { metric: 'compart_network_receive_bytes_total' },
    annotations: events(),
    rows: [rateRow, limiterRow, linkRow],
  });
}
