import { readFileSync } from 'node:fs';
import { CompartError, errnoOf, systemReason, usageError } from '../shared/errors.js';

/** Who a command runs as: numeric ids and the supplementary groups that go with them (credentials(7)). */
export interface Credentials {
  uid: number;
  gid: number;
  groups: number[];
  /** Null for a bare uid that no entry of the user database names. */
  name: string | null;
  home: string | null;
}

const HIGHEST_ID = 2 ** 32 - 2;

/** A host without a user database has no names, only numbers. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw new CompartError('ERR_COMPART_LAUNCH', `cannot read ${path}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

const rows = (path: string): string[][] =>
  textOf(path)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));

function numeric(text: string): number | null {
  if (!/^\d{1,10}$/.test(text)) return null;
  const id = Number(text);
  return id <= HIGHEST_ID ? id : null;
}

/**
 * Resolves `USER[:GROUP]`, names or numbers, as docker and chown(1) read it. Reads passwd(5) and group(5)
 * themselves: users that only NSS knows can be given by number.
 * @throws ERR_COMPART_USAGE naming what is unknown
 */
export function lookUpUser(text: string, etc = '/etc'): Credentials {
  const [userText = '', groupText, more] = text.split(':');
  if (more !== undefined)
    throw usageError(
      `--user: "${text}" is not of the form USER[:GROUP]`,
      'as in --user nobody or --user 1000:1000',
    );
  const passwd = rows(`${etc}/passwd`);
  const entry = passwd.find((row) => row[0] === userText) ?? passwd.find((row) => row[2] === userText);
  const uid = entry === undefined ? numeric(userText) : Number(entry[2]);
  if (uid === null) {
    throw usageError(
      `--user: no user "${userText}" in ${etc}/passwd`,
      'give a name or a number, as in --user nobody or --user 1000:1000',
    );
  }
  const groups = rows(`${etc}/group`);
  let gid = entry === undefined ? uid : Number(entry[3]);
  if (groupText !== undefined) {
    const named = groups.find((row) => row[0] === groupText);
    const id = named === undefined ? numeric(groupText) : Number(named[2]);
    if (id === null)
      throw usageError(`--user: no group "${groupText}" in ${etc}/group`, 'give a name or a number');
    gid = id;
  }
  const name = entry?.[0] ?? null;
  const member = groups
    .filter((row) => name !== null && row[3]?.split(',').includes(name))
    .map((row) => Number(row[2]));
  return { uid, gid, groups: [...new Set([gid, ...member])], name, home: entry?.[5] ?? null };
}
