import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Caller } from '../../../src/host/caller.js';
import type { Host } from '../../../src/host/host.js';
import { chooseKernel } from '../../../src/kernel/choose.js';
import { installedKernels } from '../../../src/kernel/uml/installed.js';
import { uml } from '../../../src/kernel/uml/uml.js';
import { asksForItsSize } from '../../../src/kernel/uml/xstate.js';
import { said } from '../units/wrong.js';

let dir: string;
let host: Host;
beforeEach(() => {
  dir = mkdtempSync(`${tmpdir()}/compart-choose-`);
  host = {
    uid: process.getuid?.() ?? 0,
    caller: new Caller(),
    paths: { proc: dir, native: (program: string) => `${dir}/${program}` },
  } as unknown as Host;
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const kernels = {
  ...uml,
  installed: () =>
    installedKernels(host, {
      installed: [dir],
      target: null,
      cache: null,
      debian: { kernel: `${dir}/linux.uml`, modules: `${dir}/modules` },
    }),
};
const cpu = (...flags: string[]): void =>
  writeFileSync(`${dir}/cpuinfo`, `processor\t: 0\nflags\t\t: fpu avx512f ${flags.join(' ')} pku\n`);

function build(name: string, day: number, wideState?: boolean): string {
  mkdirSync(`${dir}/${name}`);
  writeFileSync(`${dir}/${name}/linux`, '');
  chmodSync(`${dir}/${name}/linux`, 0o755);
  const record = { version: '6.1.1', lineFix: true, built: `2026-01-0${day}T00:00:00.000Z`, wideState };
  writeFileSync(`${dir}/${name}/kernel.json`, JSON.stringify(record));
  return `${dir}/${name}/linux`;
}

const NONE =
  "this kernel starts no process on a CPU with AMX: the CPU's state is longer than it has room for";

describe('on a CPU with AMX', () => {
  beforeEach(() => cpu('amx_bf16', 'amx_tile', 'amx_int8'));

  it('the newest kernel with the patch is taken before a newer one without, and before one of an older record', () => {
    build('new', 3, false);
    const able = build('able', 2, true);
    build('old', 1);
    expect(chooseKernel(kernels, host, null).path).toBe(able);
  });

  it("Debian's is taken with the library, and one with the patch without", () => {
    symlinkSync(process.execPath, `${dir}/linux.uml`);
    writeFileSync(`${dir}/xstate.so`, '');
    const debian = chooseKernel(kernels, host, null);
    expect(debian).toMatchObject({ origin: 'debian', path: `${dir}/linux.uml` });
    expect(uml.preload(debian, host)).toBe(`${dir}/xstate.so`);
    const able = build('able', 2, true);
    const chosen = chooseKernel(kernels, host, null);
    expect(chosen.path).toBe(able);
    expect(uml.preload(chosen, host)).toBeNull();
  });

  it.each([
    ['without the library', () => symlinkSync(process.execPath, `${dir}/linux.uml`)],
    [
      'that is static, into which nothing can be loaded',
      () => {
        writeFileSync(`${dir}/linux.uml`, '');
        writeFileSync(`${dir}/xstate.so`, '');
      },
    ],
  ])("Debian's alone %s is refused, and so it is by name, with what to do", (_what, make) => {
    make();
    expect(said(() => chooseKernel(kernels, host, null))).toMatchObject({
      message: `${dir}/linux.uml: ${NONE}`,
      hint: 'compart kernel build makes one that does',
    });
    expect(said(() => chooseKernel(kernels, host, `${dir}/linux.uml`))).toMatchObject({
      message: `--kernel: ${dir}/linux.uml: ${NONE}`,
    });
  });

  it('a file that nobody knows is believed', () => {
    writeFileSync(`${dir}/own`, '');
    expect(chooseKernel(kernels, host, `${dir}/own`)).toMatchObject({ origin: 'file', path: `${dir}/own` });
  });

  it('a file that nobody knows has the library if it can be loaded', () => {
    symlinkSync(process.execPath, `${dir}/own`);
    writeFileSync(`${dir}/xstate.so`, '');
    expect(uml.preload(chooseKernel(kernels, host, `${dir}/own`), host)).toBe(`${dir}/xstate.so`);
  });
});

describe('on any other CPU', () => {
  it('the newest is taken, with the patch or without', () => {
    cpu('avx512_vnni');
    const first = build('new', 3, false);
    build('able', 2, true);
    expect(chooseKernel(kernels, host, null).path).toBe(first);
  });

  it('no kernel has the library', () => {
    cpu('avx512_vnni');
    symlinkSync(process.execPath, `${dir}/linux.uml`);
    writeFileSync(`${dir}/xstate.so`, '');
    expect(uml.preload(chooseKernel(kernels, host, null), host)).toBeNull();
  });
});

describe('a tree of Linux', () => {
  it('that asks for the size of the state needs no patch; one that does not, or has no such file, does', () => {
    const folder = `${dir}/arch/x86/um/os-Linux`;
    expect(asksForItsSize(dir)).toBe(false);
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/registers.c`, 'int have_xstate_support;\n');
    expect(asksForItsSize(dir)).toBe(false);
    writeFileSync(`${folder}/registers.c`, 'unsigned long host_fp_size;\n');
    expect(asksForItsSize(dir)).toBe(true);
  });
});
