import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatDisk, nameInSandbox, parseDisk, placed } from '../../../src/kernel/rootfs/disks.js';
import { ubdDevice, ubdWords } from '../../../src/kernel/uml/ubd.js';
import { formatMount, parseMount } from '../../../src/kernel/rootfs/mounts.js';
import { parseRoot } from '../../../src/kernel/rootfs/root.js';
import { parseGuest } from '../../../src/kernel/spec.js';
import { neverCrashes, said } from '../units/wrong.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(`${tmpdir()}/compart-spec-`);
  mkdirSync(`${dir}/root`);
  writeFileSync(`${dir}/image`, 'x');
  symlinkSync('image', `${dir}/link`);
});
afterAll(() => rmSync(dir, { recursive: true }));

const refused = (parse: () => unknown): string => {
  const { code, message } = said(parse);
  expect(code).toBe('ERR_COMPART_USAGE');
  return message.replaceAll(dir, 'DIR');
};

describe('--root', () => {
  it('is the host, a folder or an image; only :rw writes through', () => {
    expect(parseRoot('host')).toEqual({ kind: 'host', path: '/', isDevice: false, write: 'memory' });
    expect(parseRoot(`${dir}/root`)).toEqual({
      kind: 'folder',
      path: `${dir}/root`,
      isDevice: false,
      write: 'memory',
    });
    expect(parseRoot(`${dir}/root:rw`)).toEqual({
      kind: 'folder',
      path: `${dir}/root`,
      isDevice: false,
      write: 'through',
    });
    expect(parseRoot(`${dir}/link`)).toEqual({
      kind: 'image',
      path: `${dir}/image`,
      isDevice: false,
      write: 'memory',
    });
    expect(parseRoot(`${dir}/image:rw`)).toEqual({
      kind: 'image',
      path: `${dir}/image`,
      isDevice: false,
      write: 'through',
    });
  });

  it.each([
    ['/', '--root: "/" is the root of this host'],
    ['', '--root: "" names nothing'],
    ['/dev/null', '--root: "/dev/null" is neither a folder nor an image'],
    ['/nowhere', '--root: cannot use "/nowhere": No such file or directory'],
  ])('refuses %j', (text, message) => {
    expect(refused(() => parseRoot(text))).toBe(message);
  });
});

describe('--mount', () => {
  it('reads HOST:GUEST, writable unless :ro', () => {
    expect(parseMount(`${dir}/root:/src/`)).toEqual({
      source: `${dir}/root`,
      target: '/src',
      readOnly: false,
    });
    expect(formatMount(parseMount(`${dir}/link:/a/b:ro`))).toBe(`${dir}/image:/a/b:ro`);
  });

  it.each([
    ['src', '--mount: "src" is not of the form HOST:GUEST[:ro]'],
    ['/tmp:src', '--mount: "/tmp:src" is not of the form HOST:GUEST[:ro]'],
    ['/tmp:/', '--mount: "/" is no place for it'],
    ['/tmp:/a/../..', '--mount: "/a/../.." is no place for it'],
    ['/nowhere:/a', '--mount: cannot use "/nowhere": No such file or directory'],
  ])('refuses %j', (text, message) => {
    expect(refused(() => parseMount(text))).toBe(message);
  });

  it('never crashes', () => {
    fc.assert(fc.property(fc.string(), (text) => neverCrashes(() => parseMount(text))));
  });
});

describe('--disk', () => {
  it('reads FILE, FILE:ro and FILE:cow=FILE', () => {
    expect(parseDisk(`${dir}/link:ro`)).toEqual({
      file: `${dir}/image`,
      cow: null,
      readOnly: true,
      isDevice: false,
    });
    const cow = parseDisk(`${dir}/image:cow=${dir}/root/own`);
    expect(cow).toEqual({ file: `${dir}/image`, cow: `${dir}/root/own`, readOnly: false, isDevice: false });
    expect(parseDisk(formatDisk(cow))).toEqual(cow);
  });

  it('gives them numbers, and files names in the sandbox that follow from their paths and fit a command line', () => {
    const disks = placed([
      { file: '/a, b/base', cow: '/b/own', readOnly: false, isDevice: false },
      { file: '/c', cow: null, readOnly: true, isDevice: false },
      { file: '/d', cow: null, readOnly: false, isDevice: false },
    ]);
    expect(disks.map((_, index) => ubdDevice(index))).toEqual(['/dev/ubda', '/dev/ubdb', '/dev/ubdc']);
    expect(ubdWords(disks)).toEqual([
      `ubd0=/cow/0,${nameInSandbox('/a, b/base')}`,
      `ubd1r=${nameInSandbox('/c')}`,
      `ubd2=${nameInSandbox('/d')}`,
    ]);
    for (const word of ubdWords(disks)) expect(word).toMatch(/^ubd\dr?=(\/cow\/\d,)?\/disk\/[0-9a-f]{16}$/);
  });

  it('refuses one that is its own copy, and what is none', () => {
    expect(refused(() => parseDisk(`${dir}/image:cow=${dir}/image`))).toBe(
      '--disk: "DIR/image" is the disk itself',
    );
    expect(refused(() => parseDisk(`${dir}/root`))).toBe(
      '--disk: "DIR/root" is neither a file nor a block device',
    );
    expect(refused(() => parseDisk(''))).toBe('--disk: "" is no disk');
  });
});

describe('the spec of a guest', () => {
  it('is a copy of the host where nothing is said', () => {
    expect(parseGuest({})).toEqual({
      kernel: null,
      root: { kind: 'host', path: '/', isDevice: false, write: 'memory' },
      mounts: [],
      disks: [],
      hide: [],
      init: null,
    });
  });

  it('takes absolute paths for --hide and --init', () => {
    expect(parseGuest({ hide: ['/home/me/'], init: '/sbin/init' })).toMatchObject({
      hide: ['/home/me'],
      init: '/sbin/init',
    });
    expect(refused(() => parseGuest({ hide: ['secrets'] }))).toBe(
      '--hide: "secrets" is no absolute path of the root',
    );
    expect(refused(() => parseGuest({ init: '/../init' }))).toBe(
      '--init: "/../init" is no absolute path of the root',
    );
  });

  it('hides what a path leads to in that root, and not what it would lead to on the host', () => {
    mkdirSync(`${dir}/root/real`);
    symlinkSync('/real', `${dir}/root/absolute`);
    symlinkSync('../../../absolute', `${dir}/root/upwards`);
    symlinkSync('loop', `${dir}/root/loop`);
    const { hide } = parseGuest({
      root: `${dir}/root`,
      hide: ['/upwards/key', '/absolute', '/loop', '/none/x'],
    });
    expect(hide).toEqual(['/real/key', '/real', '/loop', '/none/x']);
  });

  it('has at most 14 disks', () => {
    const disk = Array.from({ length: 15 }, () => `${dir}/image`);
    expect(refused(() => parseGuest({ disk }))).toBe('--disk: 15 are more than a guest can have');
  });
});
