import { BOOT_FLAGS, IDENTITY } from './options.js';
import type { Verb } from './verbs.js';

/** Verbs of guests alone; the others work on a guest as on a compartment. */
export const GUESTS: Readonly<Record<string, Verb>> = {
  boot: {
    usage: 'boot [flags] [-- CMD [ARG...]]',
    summary: 'run a command, or a shell, in a guest: a Linux of its own',
    flags: [
      ...BOOT_FLAGS,
      'name',
      'label',
      'timeout',
      ...IDENTITY,
      'detach',
      'report',
      'trace',
      'best-effort',
      'strict',
      'json',
    ],
    own: {
      mem: {
        alias: 'm',
        metavar: 'SIZE',
        help: 'RAM of the guest; the host holds it to that and what its kernel needs',
      },
      swap: { metavar: 'SIZE', help: 'swap of its own' },
    },
    takesCommand: true,
    words: [0, Number.MAX_SAFE_INTEGER],
    examples: [
      ['compart boot --mem 256M -- make test', 'in a copy of this system; nothing is written back'],
      ['compart boot -d --name vm --net 10mbit', 'stays up; compart exec vm -- CMD'],
    ],
    load: () => import('./commands/boot.js'),
  },
  image: {
    usage: 'image build debian --out FILE [flags]',
    summary: 'make an image of a root file system for guests',
    flags: ['out', 'size', 'suite', 'include', 'force', 'json'],
    words: [2, 2],
    examples: [
      [
        'compart image build debian --out debian.ext4',
        'then: compart boot --root debian.ext4 --init /sbin/init',
      ],
      ['compart image build debian --out ssh.ext4 --size 2G --include openssh-server', 'with more in it'],
    ],
    load: () => import('./commands/image.js'),
  },
  console: {
    usage: 'console NAME',
    summary: 'attach to the console of a guest; Ctrl-] leaves',
    flags: [],
    words: [1, 1],
    examples: [
      ['compart console vm', 'its /dev/tty1; press Enter for a shell'],
      ['compart console debian', 'the login of a root with an init of its own'],
    ],
    load: () => import('./commands/console.js'),
  },
};
