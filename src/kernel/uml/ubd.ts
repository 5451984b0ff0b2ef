import type { PlacedDisk } from '../rootfs/disks.js';

/** The word of the kernel's command line for each disk (arch/um/drivers/ubd_kern.c). Pure. */
export const ubdWords = (disks: readonly PlacedDisk[]): string[] =>
  disks.map(({ at, cowAt, readOnly }, index) =>
    cowAt === null ? `ubd${index}${readOnly ? 'r' : ''}=${at}` : `ubd${index}=${cowAt},${at}`,
  );

/** `ubd0` is /dev/ubda in the guest. Pure. */
export const ubdDevice = (index: number): string => `/dev/ubd${String.fromCharCode(0x61 + index)}`;
