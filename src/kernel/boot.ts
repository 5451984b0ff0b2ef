import { encodeRecords } from '../shared/records.js';
import type { ViewStep } from './rootfs/view.js';

/** What the keeper boots (native/boot_plan.h). */
export interface BootPlan {
  folder: string;
  memoryBytes: number;
  cpu: number | null;
  tap: string | null;
  /** File with the configuration of the guest's init. */
  config: string;
  /** Where in the sandbox a library is that is loaded before the kernel's own; null for none. */
  preload: string | null;
  /** Words of the kernel's command line. */
  words: readonly string[];
  steps: readonly ViewStep[];
}

/** Until a guest says its first word; a cold one with an init of its own on a busy machine takes seconds. */
const BOOT_MS = 30_000;
/** For a clean power-off. */
export const STOP_MS = 10_000;
const REPORT_MS = 5000;

/** Encodes it. Pure. @throws ERR_COMPART_USAGE for a NUL in a value */
export function encodeBoot(plan: BootPlan): Buffer {
  return encodeRecords('compart-boot/1', [
    ['folder', plan.folder],
    ['memory', plan.memoryBytes],
    ...(plan.cpu === null ? [] : [['cpu', plan.cpu] as const]),
    ...(plan.tap === null ? [] : [['tap', plan.tap] as const]),
    ['boot_ms', BOOT_MS],
    ['stop_ms', STOP_MS],
    ['report_ms', REPORT_MS],
    ['kernel', '/kernel'],
    ...(plan.preload === null ? [] : [['preload', plan.preload] as const]),
    ...plan.words.map((word) => ['karg', word] as const),
    ['config', plan.config],
    ...plan.steps.flatMap((step) => Object.entries<string>(step)),
  ]);
}
