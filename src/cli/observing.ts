import type { Verb } from './verbs.js';

/** Verbs that show to other programs, and to people elsewhere, what compartments do. */
export const OBSERVING: Readonly<Record<string, Verb>> = {
  serve: {
    usage: 'serve [--listen [IP:]PORT]',
    summary: 'serve metrics for Prometheus and a live page',
    flags: ['listen', 'token-file', 'tls-cert', 'tls-key', 'allow-control'],
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
};
