import { existsSync } from 'node:fs';
import type { Host } from '../host/host.js';
import { SUBSYSTEM_KINDS, type Probe } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';

/** What this host can enforce, and what would mend the rest. */
export interface Diagnosis {
  cgroups: 'unified' | 'hybrid' | 'legacy' | 'none';
  /** Where compartments stand, below each mount point. */
  base: string;
  uid: number;
  launcher: { path: string; present: boolean };
  subsystems: Probe[];
  /** Everything can be enforced. */
  ok: boolean;
}

/** Looks, and changes nothing. */
export function diagnose(host: Host): Diagnosis {
  const { path, unit } = host.plannedBase;
  const subsystems = SUBSYSTEM_KINDS.map((kind) => SUBSYSTEMS[kind].probe(host));
  const launcher = host.paths.native('launch');
  const present = existsSync(launcher);
  return {
    cgroups: host.layout.mode,
    base: unit === null ? path : `compart.scope (${unit} manager)`,
    uid: host.uid,
    launcher: { path: launcher, present },
    subsystems,
    ok: present && subsystems.every(({ refusals }) => refusals.length === 0),
  };
}
