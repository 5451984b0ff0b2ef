import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  host = { uid: process.getuid?.() ?? 0, caller: new Caller(), paths: { proc: dir } } as unknown as Host;
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

  it("Debian's alone is refused, and so it is by name, with what to do", () => {
    writeFileSync(`${dir}/linux.uml`, '');
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
});

describe('on any other CPU', () => {
  it('the newest is taken, with the patch or without', () => {
    cpu('avx512_vnni');
    const first = build('new', 3, false);
    build('able', 2, true);
    expect(chooseKernel(kernels, host, null).path).toBe(first);
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
