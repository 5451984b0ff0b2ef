import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Token } from '../../../src/metrics/server/secrets.js';
import { useFolder } from '../state.js';
import { said } from '../units/wrong.js';

const folder = useFolder();
const SECRET = 'a-secret-of-24-letters-x';

function file(text: string, mode = 0o600): string {
  const path = `${folder.path}/token`;
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('the token', () => {
  it('is in an Authorization header as Bearer, whole and alone', () => {
    const token = Token.read(file(`${SECRET}\n`));
    expect([`Bearer ${SECRET}`, `bearer  ${SECRET}`].map((header) => token.isIn(header))).toEqual([
      true,
      true,
    ]);
    const wrong = [
      undefined,
      '',
      SECRET,
      `Basic ${SECRET}`,
      `Bearer ${SECRET}x`,
      'Bearer ',
      `Bearer ${SECRET} x`,
    ];
    expect(wrong.filter((header) => token.isIn(header))).toEqual([]);
  });

  it.each([0o604, 0o606, 0o640 | 0o020, 0o666, 0o601])('is refused in a file of mode %o', (mode) => {
    const path = file(SECRET, mode);
    expect(said(() => Token.read(path))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: `--token-file: ${path} is open to others (mode 0${mode.toString(8)})`,
      hint: `chmod 600 ${path}`,
    });
  });

  it('may be read by a group, as systemd hands credentials', () => {
    expect(Token.read(file(SECRET, 0o440)).isIn(`Bearer ${SECRET}`)).toBe(true);
  });

  it.each(['', 'short', 'with a space in the middle', 'ünprintable-letters-in-it'])('is not "%s"', (text) => {
    expect(said(() => Token.read(file(text))).message).toContain(
      'holds no token: at least 16 printable characters',
    );
  });

  it('is refused where there is no file, or a folder in its place', () => {
    expect(said(() => Token.read(`${folder.path}/none`)).message).toContain('No such file or directory');
    chmodSync(folder.path, 0o700);
    expect(said(() => Token.read(folder.path)).message).toContain('Is a directory');
  });
});
