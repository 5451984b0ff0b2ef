import type { Verb } from './verbs.js';

/** The verb of what guests run on. */
export const KERNELS: Readonly<Record<string, Verb>> = {
  kernel: {
    usage: 'kernel list|build|path [--source TREE]',
    summary: 'kernels for guests: list them, build one, print the path of the fastest',
    flags: ['source', 'json'],
    words: [1, 1],
    examples: [
      ['compart kernel build', "from Debian's package linux-source; cached"],
      ['compart kernel build --source ~/linux-6.6.tar.xz', 'from another one, tree or tarball'],
    ],
    load: () => import('./commands/kernel.js'),
  },
};
