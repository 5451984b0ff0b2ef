import { diagnose, type Diagnosis } from '../../compartments/doctor.js';
import type { RateReading } from '../../compartments/selftest.js';
import { diagnoseGuests, type GuestDiagnosis } from '../../kernel/doctor.js';
import { formatBitRate } from '../../shared/units/rate.js';
import { table } from '../format.js';
import type { Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';

const CANNOT = 125;

export const handler: Handler = async (args, terminal) => {
  if (args.on('net')) return measured(args.on('json'), terminal);
  const diagnosis = diagnose(terminal.host);
  const guests = diagnoseGuests(terminal.host);
  if (args.on('json')) terminal.json({ ...diagnosis, guests });
  else print(diagnosis, guests, terminal);
  return diagnosis.ok ? 0 : CANNOT;
};

function print(
  { cgroups, base, uid, launcher, subsystems }: Diagnosis,
  { kernel, lacks }: GuestDiagnosis,
  { out }: Terminal,
): void {
  out(`cgroups   ${cgroups}, compartments stand below ${base}, uid ${uid}\n`);
  out(`launcher  ${launcher.present ? launcher.path : `missing: ${launcher.path} (make -C native)`}\n\n`);
  const rows = subsystems.map(({ kind, driver, refusals }) => [
    kind,
    driver ?? 'no',
    refusals.length === 0 ? 'everything' : `all but ${refusals.map(({ flag }) => flag).join(', ')}`,
  ]);
  out(table(['SUBSYSTEM', 'DRIVER', 'ENFORCES'], rows));
  for (const { flag, why, mend } of subsystems.flatMap(({ refusals }) => refusals))
    out(`\n${flag}: ${why}\n  mend: ${mend}\n`);
  out(`\nguests    ${kernel === null ? 'no kernel' : `Linux ${kernel.version}, ${kernel.path}`}\n`);
  for (const { why, mend } of lacks) out(`\nboot: ${why}\n  mend: ${mend}\n`);
}

async function measured(asJson: boolean, { host, out, json }: Terminal): Promise<number> {
  const { measureNet } = await import('../../compartments/selftest.js');
  const readings = await measureNet(host);
  const ok = readings.every((reading) => reading.ok);
  if (asJson) json({ ok, net: readings });
  else out(table(['DIRECTION', 'ASKED', 'GOT', 'OFF', ''], readings.map(row)));
  return ok ? 0 : CANNOT;
}

const row = ({ direction, askedBps, gotBps, offPercent, ok }: RateReading): string[] => [
  direction,
  formatBitRate(askedBps),
  formatBitRate(gotBps),
  `${offPercent.toFixed(1)}%`,
  ok ? 'held' : 'NOT HELD',
];
