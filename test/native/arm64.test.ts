import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { canRun, requires } from '../support/requires.js';
import { launch, plan } from './launcher.js';

const SOURCES = fileURLToPath(new URL('../../native', import.meta.url));
const CC = 'aarch64-linux-gnu-gcc';
const EMULATOR = 'qemu-aarch64-static';
const NEEDS = ['root', CC, EMULATOR, 'make'];
const it = requires(...NEEDS);

let dir: string;
beforeAll(() => {
  if (!canRun(...NEEDS)) return;
  dir = mkdtempSync(`${tmpdir()}/compart-arm64-`);
  cpSync(SOURCES, dir, { recursive: true, filter: (path) => path !== `${SOURCES}/build` });
  execFileSync('make', ['-s', '-C', dir, `CC=${CC}`]);
});
afterAll(() => {
  if (canRun(...NEEDS)) rmSync(dir, { recursive: true });
});

/** The emulator of Debian's qemu-user hands system calls on to this kernel; what it starts runs without it. */
describe('on arm64', () => {
  it('all programs are built without a warning', () => {
    const here = readdirSync(`${SOURCES}/build`).filter((name) => /^compart(-(?!guest-|init-)|$)/.test(name));
    expect(readdirSync(`${dir}/build`)).toEqual(expect.arrayContaining(here));
    const kinds = readdirSync(`${dir}/build`).map((name) =>
      execFileSync('readelf', ['-h', `${dir}/build/${name}`], { encoding: 'utf8' }),
    );
    expect(kinds.filter((text) => !/Machine: +AArch64/.test(text))).toEqual([]);
  });

  it('the launcher takes its steps and becomes the command', async () => {
    const program = [EMULATOR, `${dir}/build/compart-launch`];
    const records = ['groups=', 'gid=1234', 'uid=1235', 'env=A=b', 'workdir=/usr'];
    const { code, stdout, result } = await launch(plan(...records), ['sh', '-c', 'id -u; id -g; pwd; echo $A; exit 7'], {
      program,
    });
    expect({ code, stdout, result }).toEqual({ code: 7, stdout: '1235\n1234\n/usr\nb\n', result: '' });
  });

  it('and says which step failed', async () => {
    const program = [EMULATOR, `${dir}/build/compart-launch`];
    const ended = await launch(plan('workdir=/nowhere'), ['true'], { program });
    expect(ended).toMatchObject({ code: 125, result: 'fail workdir 2 /nowhere\n' });
  });
});
