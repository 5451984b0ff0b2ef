import type { Refusal } from '../host/cgroup/base.js';
import type { Host } from '../host/host.js';
import type { PlacedDisk } from './rootfs/disks.js';

/** A kernel that can be booted. */
export interface Kernel {
  /** The program. */
  path: string;
  /** As in `6.1.192`; `unknown` where nothing says. */
  version: string;
  /** Who made it: `compart kernel build`, Debian, or whoever gave the file. */
  origin: 'compart' | 'debian' | 'file';
  features: {
    /** A line takes any amount of input unread; without, about 4 KB at a time (uml/patches/0001). */
    lineFix: boolean;
    /** Of itself runs on a CPU whose state is longer than 2,696 bytes, as with AMX (uml/patches/0006). */
    wideState: boolean;
  };
  /** What can be mounted over the guest's /lib/modules; null where everything is built in. */
  modulesDir: string | null;
}

/** What of a host decides whether a kernel runs on it. */
export interface KernelHost {
  paths: Pick<Host['paths'], 'proc' | 'native'>;
}

/** What the command line of a kernel follows from. */
export interface KernelWords {
  kernel: Pick<Kernel, 'origin'>;
  /** RAM. */
  memoryBytes: number;
  /** Text of the host's /proc/cpuinfo. */
  cpuinfo: string;
  disks: readonly PlacedDisk[];
}

/**
 * A kind of kernel for guests, and all that the assembly of a guest wants to know of it. User Mode Linux is one
 * (uml/uml.ts); another has to bring the same link to its init (native/link.h), and a sandbox around itself.
 */
export interface GuestKernel {
  /** Those that are installed, the fastest first. A few synchronous reads. */
  installed(host: Pick<Host, 'uid' | 'caller'>): Kernel[];
  /** What of this host, its CPU for one, keeps a kernel from running; null where nothing does. */
  lack(kernel: Kernel, host: KernelHost): Refusal | null;
  /** A library of compart's to be loaded before those of its program, without which it would not run on this host; or null. */
  preload(kernel: Kernel, host: KernelHost): string | null;
  /** Files of the host that its program needs to start, each under the path at which it has to be found. */
  libraries(kernel: Kernel): string[];
  /** Files of modules in the order in which they are to be loaded; one that is built in has none. */
  modules(kernel: Kernel, names: readonly string[]): string[];
  /** Its command line, but for what names a descriptor, which the keeper adds. Pure. */
  words(asked: KernelWords): string[];
  /**
   * Makes an empty file for what a guest writes to a disk whose own file it must not change; one that is there is used
   * again, if it stands on that file as it is now.
   * @param at where the file behind it is in the sandbox
   * @throws ERR_COMPART_STATE; ERR_COMPART_USAGE for one that is none, or that stands on something else
   */
  layCow(cow: string, file: string, at: string): void;
  /** What the guest calls its Nth block device. Pure. */
  device(index: number): string;
}
