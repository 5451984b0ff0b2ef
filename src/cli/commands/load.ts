import { usageError } from '../../shared/errors.js';
import { inspectCompartment } from '../../compartments/inspect.js';
import { LIMIT_FIELDS, parseLimits, recordedLimits } from '../../compartments/limits.js';
import { loadSubsystem } from '../../compartments/load.js';
import { checkName, makeName } from '../../compartments/names.js';
import { SUBSYSTEM_KINDS, type SubsystemKind } from '../../compartments/subsystem.js';
import { NO_COMMAND } from '../../state/record.js';
import { limitTexts, pairs } from '../request.js';
import type { Handler } from '../verbs.js';

/** @throws ERR_COMPART_USAGE unless `word` is a kind of subsystem */
export function kindOf(verb: string, word: string): SubsystemKind {
  const kind = SUBSYSTEM_KINDS.find((each) => each === word);
  if (kind === undefined)
    throw usageError(`${verb}: "${word}" is no subsystem`, `accepted: ${SUBSYSTEM_KINDS.join(', ')}`);
  return kind;
}

/** Names the very flag; loadSubsystem knows only what came of it. */
function requireOwn(kind: SubsystemKind, flag: string): void {
  const owner = LIMIT_FIELDS[flag]?.subsystem ?? kind;
  if (owner === kind) return;
  throw usageError(
    `--${flag}: a limit of ${owner}, not of ${kind}`,
    `in a second step, under the same --name: compart load ${owner}`,
  );
}

export const handler: Handler = async (args, { host, self, out, json }) => {
  const kind = kindOf('load', args.words[0] ?? '');
  const name = args.text('name');
  const texts = limitTexts(args);
  for (const flag of Object.keys(texts)) requireOwn(kind, flag);
  const compartment = await loadSubsystem(host, {
    kind,
    name: name === null ? makeName() : checkName(name),
    limits: parseLimits(texts, { host, workdir: '.' }),
    labels: pairs(args, 'label'),
    bestEffort: args.on('best-effort'),
    spec: {
      ...NO_COMMAND,
      limits: recordedLimits(texts),
      ...(args.on('strict') ? { strict: true } : {}),
    },
    guard: self,
  });
  if (args.on('json')) json(inspectCompartment(compartment));
  else out(`${compartment.record.name}\n`);
  return 0;
};
