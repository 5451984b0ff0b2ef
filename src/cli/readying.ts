import { AHEAD_FLAGS } from './options.js';
import type { Verb } from './verbs.js';

/** Verbs that make a host ready, and say whether it is. */
export const READYING: Readonly<Record<string, Verb>> = {
  doctor: {
    usage: 'doctor',
    summary: 'what this host can enforce, and what mends the rest',
    flags: ['net', 'json'],
    own: { net: { help: 'measures for two seconds whether a network stack is held to its rates' } },
    words: [0, 0],
    examples: [
      ['compart doctor', 'status 0 if everything can be enforced'],
      ['compart doctor --json', 'for a provisioning script'],
    ],
    load: () => import('./commands/doctor.js'),
  },
  warm: {
    usage:
      'warm [--idle DURATION] [--guests N [flags of boot]] [--stacks N --net RATE[/RATE]] [--foreground] | warm --status | warm --stop',
    summary: 'start a service that makes run, exec and boot start faster',
    flags: ['idle', 'guests', 'stacks', 'foreground', 'status', 'stop', ...AHEAD_FLAGS, 'json'],
    words: [0, 0],
    examples: [
      ['compart warm', 'from now on they start in milliseconds, with the same result'],
      [
        'compart warm --guests 2 --mem 128M --stacks 4 --net 10mbit',
        'with guests for boot --mem 128M and networks for run --net 10mbit made ahead',
      ],
    ],
    load: () => import('./commands/warm.js'),
  },
};
