import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Caller } from '../../../src/host/caller.js';
import { installedKernels } from '../../../src/kernel/uml/installed.js';
import { checkTools } from '../../../src/kernel/uml/tools.js';
import { findSource } from '../../../src/kernel/uml/source.js';
import { said } from '../units/wrong.js';

const host = { uid: process.getuid?.() ?? 0, caller: new Caller() };
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/compart-kernels-`);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const places = (...names: string[]): Parameters<typeof installedKernels>[1] => ({
  installed: names.map((name) => `${dir}/${name}`),
  target: null,
  cache: null,
  debian: { kernel: `${dir}/debian/linux.uml`, modules: `${dir}/debian/modules` },
});

function put(folder: string, record: unknown, mode = 0o755): void {
  mkdirSync(`${dir}/${folder}`, { recursive: true });
  writeFileSync(`${dir}/${folder}/linux`, '');
  chmodSync(`${dir}/${folder}/linux`, mode);
  writeFileSync(`${dir}/${folder}/kernel.json`, typeof record === 'string' ? record : JSON.stringify(record));
}
const built = (version: string, day: number, lineFix = true): unknown => ({
  version,
  lineFix,
  built: `2026-01-0${day}T00:00:00.000Z`,
});

describe('kernels that are installed', () => {
  it("come place by place, the newest build first, and Debian's last with its newest modules", () => {
    put('a/one', built('6.1.1', 1));
    put('a/two', built('6.1.2', 3));
    put('b/three', built('6.6.3', 5, false));
    mkdirSync(`${dir}/debian/modules/6.1.9`, { recursive: true });
    mkdirSync(`${dir}/debian/modules/6.1.176`);
    writeFileSync(`${dir}/debian/linux.uml`, '');
    expect(
      installedKernels(host, places('a', 'absent', 'b')).map(({ version, origin, features, modulesDir }) => [
        version,
        origin,
        features.lineFix,
        modulesDir,
      ]),
    ).toEqual([
      ['6.1.2', 'compart', true, null],
      ['6.1.1', 'compart', true, null],
      ['6.6.3', 'compart', false, null],
      ['6.1.176', 'debian', false, `${dir}/debian/modules/6.1.176`],
    ]);
  });

  it('are none of these 6: half a record, no record, no program, hidden, writable for all, not executable', () => {
    put('a/half', '{"version":"6');
    put('a/none', 'null');
    put('a/.hidden', built('6.1.1', 1));
    put('a/open', built('6.1.1', 1), 0o757);
    put('a/plain', built('6.1.1', 1), 0o644);
    put('a/gone', built('6.1.1', 1));
    rmSync(`${dir}/a/gone/linux`);
    expect(installedKernels(host, places('a'))).toEqual([]);
  });
});

describe('a source', () => {
  it("is the highest version of Debian's packages, 6.10 above 6.9", () => {
    for (const name of [
      'linux-source-6.9.tar.xz',
      'linux-source-6.10.tar.xz',
      'linux-source-6.1.tar.xz',
      'linux-source-7.txt',
    ])
      writeFileSync(`${dir}/${name}`, '');
    expect(findSource(null, dir).path).toBe(`${dir}/linux-source-6.10.tar.xz`);
  });

  it('that is not there is an error with the package that brings it', () => {
    expect(said(() => findSource(null, dir))).toMatchObject({
      message: `no source of Linux: ${dir}/linux-source-*.tar.xz is not there`,
      hint: 'apt-get install linux-source, or --source TREE',
    });
  });

  it('has another identity after a change to one file of a tree, and the same without', () => {
    mkdirSync(`${dir}/mm`);
    writeFileSync(`${dir}/Makefile`, 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 2\nEXTRAVERSION =\n');
    writeFileSync(`${dir}/mm/slub.c`, 'int x;');
    const before = findSource(dir).identity;
    expect(findSource(dir).identity).toBe(before);
    utimesSync(`${dir}/mm/slub.c`, 1, 1);
    expect(findSource(dir).identity).not.toBe(before);
  });
});

describe('tools that are missing', () => {
  it('are named, 3 of them, with the packages of Debian that bring them', () => {
    const missing = new Set(['flex', 'ld', 'strip']);
    expect(said(() => checkTools((tool) => !missing.has(tool), `${dir}/stdio.h`))).toMatchObject({
      message: `a kernel cannot be built without ld, strip, flex, ${dir}/stdio.h`,
      hint: 'apt-get install binutils flex libc6-dev',
    });
  });

  it('are none where all are there', () => {
    writeFileSync(`${dir}/stdio.h`, '');
    checkTools(() => true, `${dir}/stdio.h`);
  });
});
