import { copyFileSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { podman } from './podman.js';

/** A way to start `true`: its argv, or why it is not measured here. */
export interface Peer {
  name: string;
  argv: string[] | null;
  why?: string;
}

async function works(argv: readonly string[]): Promise<string | null> {
  const [file = '', ...rest] = argv;
  const result = await execa(file, rest, { reject: false, stdin: 'ignore' });
  if (!result.failed) return null;
  return result.code === 'ENOENT' ? 'not installed' : (result.stderr.split('\n')[0] ?? 'fails');
}

/** A way that works here, or why it does not. */
export async function probe(name: string, argv: string[]): Promise<Peer> {
  const why = await works(argv);
  return why === null ? { name, argv } : { name, argv: null, why };
}

/** A root with /bin/true and its libraries, and an OCI bundle around it with the same limits as compart's. */
async function bundle(dir: string): Promise<void> {
  const { stdout } = await execa('ldd', ['/usr/bin/true']);
  const libraries = stdout.match(/\/[^ ]+/g) ?? [];
  for (const file of ['/usr/bin/true', ...libraries]) {
    const target = `${dir}/rootfs${file === '/usr/bin/true' ? '/bin/true' : file}`;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
  const namespaces = ['pid', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type }));
  const config = {
    ociVersion: '1.0.2',
    process: { terminal: false, user: { uid: 0, gid: 0 }, args: ['/bin/true'], env: ['PATH=/bin'], cwd: '/' },
    root: { path: 'rootfs', readonly: true },
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: {
      cgroupsPath: '/compart-bench',
      namespaces,
      resources: {
        memory: { limit: 64 << 20 },
        cpu: { quota: 50_000, period: 100_000 },
        pids: { limit: 100 },
      },
    },
  };
  writeFileSync(`${dir}/config.json`, JSON.stringify(config));
}

/** Other ways to start a program under limits, those of this machine. */
export async function peers(dir: string): Promise<{ list: Peer[]; cleanUp: () => void }> {
  await bundle(dir);
  const groups = ['memory', 'cpu', 'pids'].map(
    (controller) => `/sys/fs/cgroup/${controller}/compart-bench-cgexec`,
  );
  try {
    for (const group of groups) mkdirSync(group);
  } catch {
    // No v1 hierarchy: cgexec answers for itself below.
  }
  const limits = ['--memory', '64m', '--cpus', '0.5', '--pids-limit', '100'];
  const list = await Promise.all([
    probe('bubblewrap (no limits)', ['bwrap', '--ro-bind', '/', '/', 'true']),
    probe('cgexec into groups made before', ['cgexec', '-g', 'memory,cpu,pids:compart-bench-cgexec', 'true']),
    probe('crun run, same limits', ['crun', 'run', '-b', dir, `compart-bench-crun-${process.pid}`]),
    probe('firejail (no limits)', ['firejail', '--noprofile', '--quiet', 'true']),
  ]);
  // One after the other: both make the group /compart-bench.
  list.push(
    await probe('runc run, same limits', ['runc', 'run', '-b', dir, `compart-bench-runc-${process.pid}`]),
  );
  list.push({ name: 'podman run, same limits', ...(await podman('--network=none', ...limits)) });
  const cleanUp = (): void => {
    for (const group of groups) {
      try {
        rmdirSync(group);
      } catch {
        // Was not made.
      }
    }
  };
  return { list, cleanUp };
}
