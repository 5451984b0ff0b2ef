import { usageError } from '../../shared/errors.js';
import { formatSize, parseSize } from '../../shared/units/size.js';
import { buildImage, LEAST_IMAGE_BYTES } from '../../kernel/rootfs/image.js';
import type { Args } from '../parse.js';
import type { Handler } from '../verbs.js';

function sizeOf(args: Args): number | null {
  const text = args.text('size');
  if (text === null) return null;
  const bytes = text.includes('%') ? null : parseSize(text, () => 0);
  if (bytes !== null && bytes >= LEAST_IMAGE_BYTES) return Math.ceil(bytes / 4096) * 4096;
  throw usageError(
    `--size: "${text}" is no size for an image`,
    `at least ${formatSize(LEAST_IMAGE_BYTES)}, as in 2G`,
  );
}

function wordsOf(args: Args, flag: string, accepted: RegExp, example: string): string[] {
  const words = args.texts(flag).flatMap((text) => text.split(','));
  const wrong = words.find((word) => !accepted.test(word));
  if (wrong === undefined) return words;
  throw usageError(`--${flag}: "${wrong}" is none`, `as in --${flag} ${example}`);
}

export const handler: Handler = async (args, terminal) => {
  const [deed = '', what = ''] = args.words;
  if (deed !== 'build' || what !== 'debian')
    throw usageError(
      `image: "${args.words.join(' ')}" is none`,
      'accepted: compart image build debian --out FILE',
    );
  const out = args.text('out');
  if (out === null || out === '')
    throw usageError('image build: --out is missing', 'as in --out debian.ext4');
  const image = await buildImage({
    out,
    sizeBytes: sizeOf(args),
    suite: wordsOf(args, 'suite', /^[a-z][a-z-]*$/, 'bookworm').at(-1) ?? null,
    include: wordsOf(args, 'include', /^[a-z0-9][a-z0-9+.-]+$/, 'openssh-server,vim'),
    force: args.on('force'),
    onProgress: (percent, doing) => terminal.say(`${String(percent).padStart(3)}% ${doing}`),
  });
  if (args.on('json')) terminal.json(image);
  else terminal.out(`${image.path}\n`);
  return 0;
};
