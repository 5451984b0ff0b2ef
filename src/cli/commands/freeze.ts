import { CompartError } from '../../shared/errors.js';
import { setFrozen } from '../../host/cgroup/freeze.js';
import { openCompartment } from '../../compartments/compartment.js';
import type { Terminal } from '../terminal.js';
import type { Args } from '../parse.js';
import type { Handler } from '../verbs.js';

/** `freeze` and `thaw`. @throws ERR_COMPART_UNSUPPORTED where no freezer is there for this user */
export async function freezeOrThaw(args: Args, { host, json }: Terminal, frozen: boolean): Promise<number> {
  const { record } = await openCompartment(host, args.words[0] ?? '');
  if (!setFrozen(record.group, frozen)) {
    throw new CompartError(
      'ERR_COMPART_UNSUPPORTED',
      `cannot ${frozen ? 'freeze' : 'thaw'} "${record.name}": the kernel did not confirm it`,
      {
        hint: 'cgroup v2, or the v1 freezer controller, must be writable: compart doctor',
      },
    );
  }
  if (args.on('json')) json({ name: record.name, frozen });
  return 0;
}

export const handler: Handler = (args, terminal) => freezeOrThaw(args, terminal, true);
