import { diagnose } from '../../compartments/doctor.js';
import { table } from '../format.js';
import type { Handler } from '../verbs.js';

const CANNOT = 125;

export const handler: Handler = (args, { host, out, json }) => {
  const diagnosis = diagnose(host);
  if (args.on('json')) {
    json(diagnosis);
    return Promise.resolve(diagnosis.ok ? 0 : CANNOT);
  }
  const { launcher } = diagnosis;
  out(`cgroups   ${diagnosis.cgroups}, compartments stand below ${diagnosis.base}, uid ${diagnosis.uid}\n`);
  out(
    `launcher  ${launcher.present ? launcher.path : `missing: ${launcher.path} (npm run build:native)`}\n\n`,
  );
  const rows = diagnosis.subsystems.map(({ kind, driver, refusals }) => [
    kind,
    driver ?? 'no',
    refusals.length === 0 ? 'everything' : `all but ${refusals.map(({ flag }) => flag).join(', ')}`,
  ]);
  out(table(['SUBSYSTEM', 'DRIVER', 'ENFORCES'], rows));
  for (const { flag, why, mend } of diagnosis.subsystems.flatMap(({ refusals }) => refusals))
    out(`\n${flag}: ${why}\n  mend: ${mend}\n`);
  return Promise.resolve(diagnosis.ok ? 0 : CANNOT);
};
