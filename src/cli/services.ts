import type { Option } from './options.js';
import type { Verb } from './verbs.js';

const OWN: Readonly<Record<string, Option>> = {
  idle: { metavar: 'DURATION', help: 'ends after so long without a caller, default 15m' },
  foreground: { help: 'does not go into the background' },
  status: { help: 'says whether a service runs; status 1 if none does' },
  stop: { help: 'ends it, once the commands that it planned for have ended' },
};

/** The verb of what plans for others. */
export const SERVICES: Readonly<Record<string, Verb>> = {
  warm: {
    usage: 'warm [--idle DURATION] [--foreground] | warm --status | warm --stop',
    summary: 'start a service that makes run, exec and boot start faster',
    flags: [...Object.keys(OWN), 'json'],
    own: OWN,
    words: [0, 0],
    examples: [
      ['compart warm', 'from now on they start in milliseconds, with the same result'],
      ['compart warm --idle 8h --foreground', 'for a manager of services'],
    ],
    load: () => import('./commands/warm.js'),
  },
};
