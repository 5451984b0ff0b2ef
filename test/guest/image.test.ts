import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { asRootOnly } from '../support/guest-callers.js';
import { sha256 } from '../support/guest-files.js';
import { runs, until } from '../support/programs.js';
import { COMPART, useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const NEEDS = ['mmdebstrap', 'mke2fs'];
const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
const BUILD = ['image', 'build', 'debian', '--out'];

/** Folders of mmdebstrap, which has to take them away itself. */
const leftovers = (): string[] => readdirSync('/tmp').filter((name) => /^mmdebstrap\.[^.]+$/.test(name));

describe('compart image build', () => {
  asRootOnly(
    sandbox,
    'refuses a file that is there, a folder that is not, a size of 10M and words that are none, before it asks for a package',
    async ({ dir, compart }) => {
      writeFileSync(`${dir}/there`, 'kept');
      const refusals: Array<[string[], number, string]> = [
        [[...BUILD, `${dir}/there`], 125, '--force replaces it'],
        [[...BUILD, `${dir}/none/image`], 2, `there is no folder "${dir}/none"`],
        [[...BUILD, `${dir}/image`, '--size', '10M'], 2, '--size: "10M" is no size for an image'],
        [[...BUILD, `${dir}/image`, '--include', 'a;b'], 2, '--include: "a;b" is none'],
        [[...BUILD, `${dir}/image`, '--suite', '--x'], 2, '--suite'],
        [['image', 'build', 'plan9', '--out', 'x'], 2, 'image: "build plan9" is none'],
        [['image', 'build', 'debian'], 2, '--out is missing'],
      ];
      for (const [args, status, words] of refusals) {
        const answer = await compart(args);
        expect({ args, status: answer.status }).toEqual({ args, status });
        expect(answer.stderr).toContain(words);
      }
      expect(readFileSync(`${dir}/there`, 'utf8')).toBe('kept');
      expect(readdirSync(dir)).toEqual(['there']);
    },
    NEEDS,
  );

  asRootOnly(
    sandbox,
    'names the packages that hold what is missing, with the line that installs them',
    async ({ dir }) => {
      const node = process.execPath;
      const { exitCode, stderr } = await execa(node, [`${COMPART}.js`, ...BUILD, `${dir}/image`], {
        reject: false,
        env: { ...sandbox.current.env, PATH: dir },
        cwd: dir,
      });
      expect(exitCode).toBe(125);
      expect(stderr).toMatch(
        /^compart: image build: mmdebstrap (is|and mke2fs are) not installed\ncompart: apt-get install mmdebstrap/,
      );
    },
    NEEDS,
  );

  asRootOnly(
    sandbox,
    'leaves neither a file nor a process nor a folder of mmdebstrap after Ctrl-C and after kill -9',
    async ({ dir, env }) => {
      const before = leftovers();
      for (const signal of ['SIGINT', 'SIGKILL'] as const) {
        const building = execa(COMPART, [...BUILD, `${dir}/image`], {
          reject: false,
          env,
          cwd: dir,
          detached: true,
        });
        let said = '';
        building.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
        await until('it has begun', () => said.includes('% '), 30_000);
        const pids = await until(
          'mmdebstrap runs',
          () => {
            const found = leftovers().filter((name) => !before.includes(name));
            return found.length > 0 ? [building.pid ?? 0] : null;
          },
          30_000,
        );
        // Ctrl-C is for the whole group, kill -9 for the one.
        process.kill(signal === 'SIGINT' ? -(pids[0] ?? 0) : (pids[0] ?? 0), signal);
        await building;
        await until('all of it is gone', () => leftovers().every((name) => before.includes(name)), 30_000);
        expect(readdirSync(dir)).toEqual([]);
        expect(runs(building.pid ?? 0)).toBe(false);
      }
    },
    NEEDS,
    150_000,
  );

  asRootOnly(
    sandbox,
    'makes an image of the size that was asked for, clean, with the package that was named, sparse, and replaces one with --force',
    async ({ dir, compart, boot }) => {
      const out = `${dir}/the image`;
      writeFileSync(out, 'old');
      const args = [...BUILD, out, '--force', '--size', '1G', '--include', 'hello', '--json'];
      const { status, stdout, stderr } = await compart(args);
      expect({ status, stderr: stderr.replaceAll(/^compart: {1,3}\d+% [a-z ]+\n/gm, '') }).toEqual({
        status: 0,
        stderr: '',
      });
      expect(JSON.parse(stdout)).toMatchObject({ path: out, sizeBytes: 2 ** 30, suite: codename });
      expect(stderr).toMatch(/% downloading packages\n[^]*% unpacking\n[^]*100% done\n$/);
      const { size, blocks } = statSync(out);
      expect(size).toBe(2 ** 30);
      expect(blocks * 512).toBeLessThan(700 * 2 ** 20);
      execFileSync('/sbin/e2fsck', ['-fn', out], { stdio: 'ignore' });
      expect(readdirSync(dir)).toEqual(['the image']);
      const before = sha256(out);
      const inside = await boot(
        ['--root', out],
        'hello; id -un; stat -c "%u %a" / /root /bin/su; ls /proc /etc/hostname 2>&1 | grep -c .',
      );
      expect(inside.stdout).toMatch(/^Hello, world!\nroot\n0 755\n0 700\n0 4755\n\d+\n$/);
      expect(sha256(out)).toBe(before);
      expect(existsSync(`${dir}/the image`)).toBe(true);
    },
    NEEDS,
    300_000,
  );
});
