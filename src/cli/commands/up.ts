import { readCompartFile, type FileEntry } from '../../compartments/file.js';
import type { Host } from '../../host/host.js';
import { loadSubsystem } from '../../compartments/load.js';
import { startDetached, type RunRequest } from '../../compartments/run.js';
import { checkLimits, kindsAsked, kindsOfRun, refusalsOf } from '../../compartments/subsystems.js';
import { refuse } from '../../compartments/compartment.js';
import { bootDetached, limitsOnHost } from '../../kernel/guest.js';
import { untilReady } from '../../kernel/ready.js';
import { removeAny } from '../../kernel/remove.js';
import { parseGuest, type GuestSpec } from '../../kernel/spec.js';
import { Store } from '../../state/store.js';
import type { Args } from '../parse.js';
import { blameFile, runRequest } from '../request.js';
import type { Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';

export const DEFAULT_FILE = 'compart.yaml';

interface Request {
  run: Omit<RunRequest, 'stdio'>;
  guest: GuestSpec | null;
  ready: Pick<FileEntry, 'ready' | 'readyMs'>;
}

/** Everything in the file is checked before the first compartment is made. */
function requestOf(host: Host, args: Args, entry: FileEntry): Request {
  const run = runRequest(host, args, entry);
  try {
    const guest = entry.guest === null ? null : parseGuest(entry.guest);
    const limits = guest === null ? run.limits : limitsOnHost(host, { run, guest });
    checkLimits(host, limits);
    if (!run.bestEffort) refuse(refusalsOf(host, limits));
    return { run, guest, ready: entry };
  } catch (error) {
    return blameFile(args, entry, error);
  }
}

async function start({ host, self }: Terminal, { run, guest }: Request): Promise<void> {
  const detached = { ...run, guard: self, spec: { ...run.spec, detached: true } };
  if (guest !== null) {
    await bootDetached(host, { run: detached, guest }, self);
    return;
  }
  if (run.argv.length > 0) {
    await startDetached(host, detached, self);
    return;
  }
  const kinds = kindsAsked(run.limits);
  for (const kind of kinds.length > 0 ? kinds : kindsOfRun({})) {
    const limits = run.limits[kind] === undefined ? {} : { [kind]: run.limits[kind] };
    await loadSubsystem(host, { ...run, guard: self, kind, limits });
  }
}

export const handler: Handler = async (args, terminal) => {
  const { host } = terminal;
  const entries = await readCompartFile(args.text('file') ?? DEFAULT_FILE);
  await host.ready();
  const requests = entries.map((entry) => requestOf(host, args, entry));
  const store = new Store(host.paths.state);
  const started: string[] = [];
  try {
    for (const request of requests) {
      const { name } = request.run;
      const { ready, readyMs } = request.ready;
      if (store.read(name) === null) {
        await start(terminal, request);
        started.push(name);
      }
      if (ready !== null) await untilReady(host, name, ready, readyMs);
    }
  } catch (error) {
    for (const name of started.reverse()) await removeAny(host, name, true);
    throw error;
  }
  const present = entries.map(({ name }) => name).filter((name) => !started.includes(name));
  if (args.on('json')) terminal.json({ started, present });
  for (const name of args.on('json') ? [] : started) terminal.out(`${name}\n`);
  for (const name of args.on('json') ? [] : present) terminal.say(`${name} is up already`);
  return 0;
};
