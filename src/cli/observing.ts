import type { Verb } from './verbs.js';

/** Verbs that show to other programs, and to people elsewhere, what compartments do. */
export const OBSERVING: Readonly<Record<string, Verb>> = {
  top: {
    usage: 'top [NAME...]',
    summary: 'watch compartments live, on the terminal',
    flags: ['once', 'interval', 'sort', 'filter', 'json'],
    own: { json: { help: 'an array a line: one every interval, or with --once one' } },
    words: [0, Number.MAX_SAFE_INTEGER],
    examples: [
      ['compart top', 'all of them, the busiest first; ? shows the keys'],
      ['compart top --once --sort mem --filter team=web', 'those with this label once, for a script'],
    ],
    load: () => import('./commands/top.js'),
  },
  metrics: {
    usage: 'metrics',
    summary: 'all metrics once, as Prometheus reads them',
    flags: ['level', 'format', 'labels', 'out'],
    own: {
      out: {
        metavar: 'FILE',
        help: 'replaces this file in one step, for the textfile collector of node_exporter',
      },
    },
    words: [0, 0],
    examples: [
      ['compart metrics --labels team', 'prints them, with the label team'],
      ['compart metrics --out /var/lib/prometheus/node-exporter/compart.prom', 'for a cron job'],
    ],
    load: () => import('./commands/metrics.js'),
  },
  serve: {
    usage: 'serve [--listen [IP:]PORT]',
    summary: 'serve metrics for Prometheus and a live page',
    flags: ['listen', 'token-file', 'tls-cert', 'tls-key', 'allow-control', 'warm', 'level', 'labels'],
    words: [0, 0],
    examples: [
      ['compart serve', 'http://127.0.0.1:9750/ and /metrics, for this machine alone'],
      [
        'compart serve --listen 0.0.0.0:9750 --token-file token --tls-cert cert.pem --tls-key key.pem',
        'for others, who know the token',
      ],
    ],
    load: () => import('./commands/serve.js'),
  },
  dashboards: {
    usage: 'dashboards [--out DIR] [--force]',
    summary: 'write Grafana dashboards, alert rules and their provisioning',
    flags: ['out', 'force', 'json'],
    own: { out: { metavar: 'DIR', help: 'the folder to write to; made if it is not there' } },
    words: [0, 0],
    examples: [
      ['compart dashboards', 'into ./compart-dashboards'],
      ['compart dashboards --out /etc/compart/dashboards --force', 'over what is there'],
    ],
    load: () => import('./commands/dashboards.js'),
  },
};
