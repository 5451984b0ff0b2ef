import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KernelReader, readingOnce, readKernelFile } from '../../src/host/kernfs.js';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/compart-kernfs-`);
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('one look', () => {
  it('reads a file once, however often it is asked for, and the next look anew', () => {
    const file = `${dir}/memory.current`;
    writeFileSync(file, '4096\n');
    const look = readingOnce();
    expect(look(file)).toBe('4096');
    writeFileSync(file, '8192\n');
    expect(look(file)).toBe('4096');
    expect(readingOnce()(file)).toBe('8192');
  });

  it('takes a file that is not there for absent to its end', () => {
    const asked: string[] = [];
    const look = readingOnce((path) => {
      asked.push(path);
      return readKernelFile(path);
    });
    expect([look(`${dir}/a`), look(`${dir}/a`)]).toEqual([null, null]);
    writeFileSync(`${dir}/a`, '1\n');
    expect([look(`${dir}/a`), look(`${dir}/b`)]).toEqual([null, null]);
    expect(asked).toEqual([`${dir}/a`, `${dir}/b`]);
  });

  it('asks again for what could not be read', () => {
    let tries = 0;
    const look = readingOnce(() => {
      tries += 1;
      if (tries === 1) throw new Error('no');
      return 'yes';
    });
    expect(() => look('a')).toThrow('no');
    expect([look('a'), look('a'), tries]).toEqual(['yes', 'yes', 2]);
  });
});

describe('a reader of many files', () => {
  it.each([0, 1, 2047, 2048, 4096, 10_000, 65_535])('reads %d bytes whole', (length) => {
    const text = 'x'.repeat(length);
    writeFileSync(`${dir}/file`, text);
    const reader = new KernelReader();
    writeFileSync(`${dir}/other`, 'y'.repeat(65_536));
    reader.read(`${dir}/other`);
    expect(reader.read(`${dir}/file`)).toBe(text);
  });

  it.each(['self/stat', 'self/cgroup', 'self/mountinfo', 'meminfo', 'net/protocols'])(
    'reads /proc/%s as it is, a page at a time where the kernel hands it out so',
    (file) => {
      // Numbers may change between the two.
      const shape = (text: string | null): string[] => (text ?? '').split(/\d+/);
      const whole = readKernelFile(`/proc/${file}`);
      expect(shape(new KernelReader().read(`/proc/${file}`))).toEqual(shape(whole));
    },
  );

  it('is null for a file that is absent', () => {
    expect(new KernelReader().read(`${dir}/none`)).toBeNull();
  });
});
