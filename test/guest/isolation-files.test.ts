import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { asBoth } from '../support/guest-callers.js';
import { own } from '../support/guest-files.js';
import { useSandbox } from '../support/sandbox.js';
import { CHANGES, TRY, useVictims } from '../support/victim.js';

const sandbox = useSandbox();
const victim = useVictims();
const HOSTFS = 'mkdir -p /h && mount -t hostfs -o';
const nothing = { status: 0, stdout: '', stderr: '' };

describe('root in a guest that is a copy of the host changes nothing of the host', () => {
  asBoth(sandbox, 'by writing to its own root, nor by remounting that', async ({ uid, boot }) => {
    const { dir, digest } = victim(uid);
    const before = digest();
    const script = `${CHANGES}
      mount -o remount,rw / 2> /dev/null; mount -o remount,rw,bind / 2> /dev/null
      changes ${dir} | wc -l`;
    // In its own memory each of them works, but for a few that others undid.
    const { status, stdout } = await boot([], script);
    expect(status).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(15);
    expect(digest()).toBe(before);
  });

  asBoth(
    sandbox,
    'by mounting hostfs elsewhere: of /, of what is above it, and of the folder itself',
    async ({ uid, boot }) => {
      const { dir, digest } = victim(uid);
      const before = digest();
      const places = ['/', '../..', '../../../../../..', '/r', `/r${dir}`, '/r/../../..', '/proc/1/root'];
      const script = `${CHANGES}
      mkdir -p /h
      for at in ${places.join(' ')}; do
        mount -t hostfs -o $at none /h 2> /dev/null || continue
        for below in '' /r ${dir} /r${dir}; do [ -e /h$below/file ] && echo "seen by $at" && changes /h$below; done
        umount /h
      done`;
      const { status, stdout, stderr } = await boot([], script);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      // Each way leads there, and none of them to a change.
      const seen = stdout.trim().split('\n');
      expect(seen).toEqual(
        ['/', '../..', '../../../../../..', '/r', `/r${dir}`, '/r/../../..'].map((at) => `seen by ${at}`),
      );
      expect(digest()).toBe(before);
    },
  );

  asBoth(
    sandbox,
    'by links that lead out of a folder which it may write',
    async ({ dir: own0, uid, boot }) => {
      const { dir, digest } = victim(uid);
      const before = digest();
      mkdirSync(`${own0}/open`);
      own(`${own0}/open`, uid);
      const script = `${CHANGES}
      cd /open && ln -s ${dir} there && ln -s ../../../../../../../../..${dir} up && ln -s /r${dir} root
      ${HOSTFS} /m/0 none /h 2> /dev/null
      for way in /open/there /open/up /open/root /h/there /h/up /h/root; do [ -e $way/file ] && changes $way; done
      ${HOSTFS} /m/0/there none /h 2> /dev/null && changes /h; ${HOSTFS} /m/0/up none /h 2> /dev/null && changes /h
      try rm -f /open/there; true`;
      const { status } = await boot(['--mount', `${own0}/open:/open`], script);
      expect(status).toBe(0);
      expect(digest()).toBe(before);
    },
  );
});

describe('root in a guest does not read what the host keeps to itself', () => {
  asBoth(
    sandbox,
    "as there are the host's /proc, /sys, /dev, /run and /tmp, by its own root or by hostfs: they are empty",
    async ({ dir, uid, boot }) => {
      writeFileSync(`${dir}/../secret`, 'SECRET');
      own(`${dir}/../secret`, uid);
      const script = `${HOSTFS} / none /h && cd /h && for at in proc sys run tmp r/proc r/sys r/dev r/run; do
          ls -A $at 2> /dev/null | sed "s|^|$at/|"; done | grep -v '^tmp/g$'
        ls -A /h/dev; ls /h/r/tmp | grep -v compart-test; cat /h/r${dir}/../secret 2> /dev/null; cat ${dir}/../secret 2> /dev/null; true`;
      const { status, stdout } = await boot([], script);
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'null\nrandom\nurandom\nzero\n' });
    },
  );

  asBoth(sandbox, 'as there is what --hide names, and the state of compart', async ({ env, uid, boot }) => {
    const { dir } = victim(uid);
    const state = env['COMPART_STATE'] || `${env['XDG_RUNTIME_DIR'] ?? ''}/compart`;
    const script = `${TRY}
      ${HOSTFS} / none /h
      for at in ${dir}/folder ${state}; do try cat $at/*; try ls $at/*; try cat /h/r$at/*; try ls /h/r$at/*; done
      cat ${dir}/file /h/r${dir}/file`;
    expect(await boot(['--hide', `${dir}/folder`], script)).toEqual({ ...nothing, stdout: 'file\nfile\n' });
  });

  asBoth(
    sandbox,
    'and finds in the sandbox of its kernel the kernel, its libraries, init and empty places, none of which it can change',
    async ({ boot }) => {
      const script = `${TRY}
        ${HOSTFS} / none /h && ls -A /h | grep -v '^lib' | tr '\\n' ' '; echo
        for file in kernel init config lib64/* dev/null; do
          try sh -c "echo x > /h/$file.new"; try rm -f /h/$file; try chmod 777 /h/$file; try mv /h/$file /h/other
          [ $file = dev/null ] || try sh -c "echo x >> /h/$file"
        done
        for at in . m new proc sys r dev lib64; do try mkdir /h/$at/made; try touch /h/$at/made; done`;
      const { status, stdout } = await boot([], script);
      expect(status).toBe(0);
      expect(stdout.trim().split(/\s+/)).toEqual(
        expect.arrayContaining(['config', 'dev', 'init', 'kernel', 'm', 'new', 'proc', 'r', 'sys', 'tmp']),
      );
      expect(stdout).not.toMatch(/did/);
    },
  );
});
