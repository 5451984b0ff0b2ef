import { usageError } from './errors.js';

/**
 * NUL-terminated records as the programs of native/ read them: a header, `key=value` each, `end`. Pure.
 * @throws ERR_COMPART_USAGE for a NUL in a value
 */
export function encodeRecords(
  header: string,
  pairs: ReadonlyArray<readonly [key: string, value: string | number]>,
): Buffer {
  const records = pairs.map(([key, value]) => {
    if (String(value).includes('\0'))
      throw usageError(`${key}: a NUL character is in ${JSON.stringify(value)}`, 'leave it out');
    return `${key}=${value}`;
  });
  return Buffer.from([header, ...records, 'end', ''].join('\0'), 'utf8');
}
