import type { KernelWords } from '../guest-kernel.js';
import { ubdWords } from './ubd.js';

/** Of the guest's kernel (CONFIG_HZ of arch/um). */
const HZ = 100;

/**
 * Loops of the delay loop in a tick, which the kernel would else measure for a quarter of a second: the host's CPU runs
 * the same loop, and /proc/cpuinfo says its speed (bogomips = loops * HZ / 500000). Pure.
 */
export function loopsPerJiffy(cpuinfo: string): number {
  const bogomips = Number(/^bogomips\s*:\s*([\d.]+)/im.exec(cpuinfo)?.[1] ?? 4000);
  return Math.round((bogomips * 500_000) / HZ);
}

/**
 * The command line of a User Mode Linux kernel, but for its devices' descriptors, which the keeper adds. Pure.
 * Debian's kernel would benchmark RAID 6 for a second; no guest of compart has such an array.
 */
export function kernelWords({ kernel, memoryBytes, cpuinfo, disks }: KernelWords): string[] {
  return [
    `mem=${Math.ceil(memoryBytes / 2 ** 20)}M`,
    'quiet',
    `lpj=${loopsPerJiffy(cpuinfo)}`,
    ...(kernel.origin === 'compart'
      ? []
      : ['initcall_blacklist=raid6_select_algo', 'selinux=0', 'apparmor=0']),
    'rootfstype=hostfs',
    'rootflags=/',
    'ro',
    'init=/init',
    ...ubdWords(disks),
  ];
}
