import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { asBoth } from '../support/guest-callers.js';
import { runs, tree } from '../support/programs.js';
import { useSandbox } from '../support/sandbox.js';
import { TRY } from '../support/victim.js';

const sandbox = useSandbox();
const nothing = { status: 0, stdout: '', stderr: '' };
const NAMESPACES = ['user', 'mnt', 'pid', 'ipc', 'uts', 'net'];

describe('the kernel of a guest on the host', () => {
  asBoth(
    sandbox,
    'has no capability, cannot gain any, is filtered, has six namespaces of its own and the uid of the caller',
    async ({ uid, compart, detach }) => {
      await detach('vm', []);
      const inspected = JSON.parse((await compart(['inspect', 'vm'])).stdout) as { pid: number };
      const below = tree(inspected.pid).slice(1);
      expect(below.length).toBeGreaterThanOrEqual(3);
      for (const pid of below) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
        const caps = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) =>
          Number(`0x${field(name)}`),
        );
        expect({ pid, caps }).toEqual({ pid, caps: [0, 0, 0, 0, 0] });
        expect([field('NoNewPrivs'), field('Seccomp')]).toEqual(['1', '2']);
        expect(field('Uid')).toBe([uid, uid, uid, uid].join('\t'));
        for (const name of NAMESPACES)
          expect(readlinkSync(`/proc/${pid}/ns/${name}`)).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
        const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
        for (const file of files) expect(file).toMatch(/^(\/|pipe:|socket:|anon_inode:|\/memfd)/);
      }
      expect((await compart(['rm', '--force', 'vm'])).status).toBe(0);
    },
  );

  asBoth(sandbox, 'and its processes are out of reach for kill and ptrace from inside', async ({ boot }) => {
    const sleeper = execa('sleep', ['60'], { reject: false });
    const pid = sleeper.pid ?? 0;
    try {
      const script = `${TRY}
        try cat /proc/${pid}/mem; try kill -9 ${pid}; try strace -p ${pid}; try strace -p ${process.pid}
        trap '' TERM; kill -KILL -1; echo alive`;
      expect(await boot([], script)).toEqual({ ...nothing, stdout: 'alive\n' });
      expect(runs(pid)).toBe(true);
    } finally {
      sleeper.kill();
    }
  });

  asBoth(
    sandbox,
    'opens no device of the host for it: no node can be made on hostfs, and its own nodes are of its own kernel',
    async ({ boot }) => {
      // Of the host's disks; a number that the guest's own kernel has a device of is that device's.
      const numbers = readdirSync('/sys/dev/block');
      const script = `${TRY}
        mkdir /h && mount -t hostfs -o / none /h
        for at in /h/tmp /h /h/r/dev; do try mknod $at/mem c 1 1; try mknod $at/disk b 254 0; try mknod $at/tun c 10 200; done
        for n in ${numbers.join(' ')}; do
          [ -e /sys/dev/block/$n ] || { mknod /b b \${n%:*} \${n#*:}; try dd if=/b of=/dev/null count=1; rm /b; }
        done
        mknod /kvm c 10 232 && try sh -c 'exec 3<> /kvm'
        ls /h/dev | tr '\\n' ' '`;
      expect(await boot([], script)).toEqual({ ...nothing, stdout: 'null random urandom zero ' });
    },
  );

  asBoth(
    sandbox,
    'keeps its memory to itself: the file is nameless, its own folder holds no more than its RAM, and full it is full',
    async ({ boot, dir }) => {
      const script = `mkdir /h && mount -t hostfs -o /tmp none /h && find /h -type f | grep -v /pid$
        dd if=/dev/zero of=/h/fill bs=1M count=400 2> /dev/null; rm -f /h/fill; echo over`;
      const { stdout } = await boot([], script);
      expect(stdout).toMatch(/^(over\n)?$/);
      const host = await execa('df', ['--output=avail', dir]);
      expect(host.exitCode).toBe(0);
    },
  );
});
