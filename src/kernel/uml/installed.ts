import { readdirSync } from 'node:fs';

/** A kernel that guests can boot. */
export interface Kernel {
  path: string;
  /** Its release, as `uname -r` says it inside. */
  version: string;
  origin: 'compart' | 'debian' | 'file';
  features: { lineFix: boolean };
  /** Where its modules are, null for one that has everything built in. */
  modulesDir: string | null;
}

const MODULES = '/usr/lib/uml/modules';
const DEBIAN = '/usr/bin/linux.uml';

export function installedKernels(): Kernel[] {
  try {
    const version = readdirSync(MODULES)[0] ?? '';
    return [
      {
        path: DEBIAN,
        version,
        origin: 'debian',
        features: { lineFix: false },
        modulesDir: `${MODULES}/${version}`,
      },
    ];
  } catch {
    return [];
  }
}
