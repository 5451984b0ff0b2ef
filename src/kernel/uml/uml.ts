import { readFileSync } from 'node:fs';
import type { GuestKernel } from '../guest-kernel.js';
import { layCow } from './cow.js';
import { installedKernels } from './installed.js';
import { librariesOf } from './libraries.js';
import { moduleFiles } from './modules.js';
import { ubdDevice } from './ubd.js';
import { kernelWords } from './words.js';
import { lackOfState, preloadFor } from './xstate.js';

/** User Mode Linux: a Linux that is a program, and needs neither KVM nor root. */
export const uml: GuestKernel = {
  installed: (host) => installedKernels(host),
  lack: lackOfState,
  preload: preloadFor,
  libraries: ({ path }) => librariesOf(path),
  modules: ({ modulesDir }, names) => {
    if (modulesDir === null) return [];
    const files = moduleFiles(readFileSync(`${modulesDir}/modules.dep`, 'utf8'), names);
    return files.map((file) => `${modulesDir}/${file}`);
  },
  words: kernelWords,
  layCow,
  device: ubdDevice,
};
