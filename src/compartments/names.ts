import { readKernelFile } from '../host/kernfs.js';
import { CompartError, usageError } from '../shared/errors.js';
import { isName } from '../state/record.js';

/** @throws ERR_COMPART_USAGE unless `name` is 1 to 63 of [a-z0-9._-], starting with a letter or digit. */
export function checkName(name: string): string {
  if (isName(name)) return name;
  throw usageError(
    `--name: "${name}" is not a name`,
    'accepted: 1 to 63 of a-z 0-9 . _ -, the first a letter or a digit',
  );
}

const ADJECTIVES = [
  'amber',
  'bold',
  'brisk',
  'calm',
  'clear',
  'deft',
  'eager',
  'fair',
  'keen',
  'lucid',
  'mild',
  'neat',
  'quiet',
  'solid',
  'spry',
  'swift',
];
const NOUNS = [
  'alder',
  'badger',
  'cedar',
  'crane',
  'ember',
  'fern',
  'heron',
  'lark',
  'maple',
  'otter',
  'pine',
  'quartz',
  'reef',
  'stone',
  'thrush',
  'wren',
];

/** A name for a compartment that was given none: `brisk-otter-3f9a2c`. */
export function makeName(): string {
  const id = makeId();
  const pick = (list: readonly string[], at: number): string =>
    list[Number.parseInt(id.slice(at, at + 2), 16) % list.length] ?? 'plain';
  return `${pick(ADJECTIVES, 0)}-${pick(NOUNS, 2)}-${id.slice(-6)}`;
}

const RANDOM_UUID = '/proc/sys/kernel/random/uuid';

/** 122 random bits from the kernel (random(4)); tells two compartments of one name apart. node:crypto takes 4 ms to load. */
export function makeId(): string {
  const uuid = readKernelFile(RANDOM_UUID);
  if (uuid !== null) return uuid.replaceAll('-', '');
  throw new CompartError('ERR_COMPART_UNSUPPORTED', `${RANDOM_UUID} is not there`, {
    hint: 'mount -t proc proc /proc',
  });
}
