import { existsSync } from 'node:fs';
import { toolExists } from '../../host/exec.js';
import { CompartError } from '../../shared/errors.js';

/** What Linux is built with, and the package of Debian and Ubuntu that brings it. */
const TOOLS: Readonly<Record<string, string>> = {
  make: 'make',
  gcc: 'gcc',
  ld: 'binutils',
  strip: 'binutils',
  flex: 'flex',
  bison: 'bison',
  bc: 'bc',
  patch: 'patch',
  tar: 'tar',
  xz: 'xz-utils',
  gzip: 'gzip',
};
const HEADER = '/usr/include/stdio.h';

/** @throws ERR_COMPART_BUILD that names what is missing, and the command that installs it */
export function checkTools(exists: (tool: string) => boolean = toolExists, header: string = HEADER): void {
  const tools = Object.keys(TOOLS).filter((tool) => !exists(tool));
  const missing = existsSync(header) ? tools : [...tools, header];
  if (missing.length === 0) return;
  const packages = missing.map((name) => TOOLS[name] ?? 'libc6-dev');
  throw new CompartError('ERR_COMPART_BUILD', `a kernel cannot be built without ${missing.join(', ')}`, {
    hint: `apt-get install ${[...new Set(packages)].join(' ')}`,
  });
}
