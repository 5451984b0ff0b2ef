import { createHash, timingSafeEqual } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { CompartError, systemReason, usageError } from '../../shared/errors.js';

const FOR_OTHERS = 0o007;
const WRITABLE_BY_GROUP = 0o020;
const SHORTEST = 16;

/**
 * Reads a file that must stay a secret.
 * @throws ERR_COMPART_USAGE naming the flag if it cannot be read, is somebody else's, or is open to others
 */
export function readSecret(flag: string, path: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const { mode, uid } = fstatSync(fd);
      refuseOpen(flag, path, mode, uid);
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw unreadable(flag, path, error);
  }
}

function refuseOpen(flag: string, path: string, mode: number, uid: number): void {
  if (uid !== 0 && uid !== process.getuid?.())
    throw usageError(`${flag}: ${path} belongs to uid ${uid}`, "it must be yours, or root's");
  if ((mode & (FOR_OTHERS | WRITABLE_BY_GROUP)) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  throw usageError(`${flag}: ${path} is open to others (mode ${octal})`, `chmod 600 ${path}`);
}

/** Reads a file that anybody may see. @throws ERR_COMPART_USAGE naming the flag */
export function readPublic(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(flag, path, error);
  }
}

function unreadable(flag: string, path: string, error: unknown): unknown {
  if (error instanceof CompartError) return error;
  return usageError(
    `${flag}: cannot read ${path}: ${systemReason(error)}`,
    'docs/serve.md shows how to make it',
  );
}

/** What a caller has to know. Kept as a hash, so that comparing takes the same time whatever was sent. */
export class Token {
  readonly #hash: Buffer;

  constructor(text: string) {
    this.#hash = hashOf(text);
  }

  /** @throws ERR_COMPART_USAGE if the file is open to others or holds no token */
  static read(path: string): Token {
    const text = readSecret('--token-file', path).trim();
    if (text.length >= SHORTEST && /^[\x21-\x7e]+$/.test(text)) return new Token(text);
    throw usageError(
      `--token-file: ${path} holds no token: at least ${SHORTEST} printable characters, no space`,
      `umask 077; openssl rand -hex 32 > ${path}`,
    );
  }

  /** Is it in an Authorization header (RFC 6750)? */
  isIn(authorization: string | undefined): boolean {
    const sent = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    return sent !== undefined && timingSafeEqual(hashOf(sent), this.#hash);
  }
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
