import { readCompartFile, type FileEntry } from '../../compartments/file.js';
import type { Host } from '../../host/host.js';
import { loadSubsystem } from '../../compartments/load.js';
import { removeCompartment } from '../../compartments/remove.js';
import { startDetached } from '../../compartments/run.js';
import { checkLimits, kindsAsked, kindsOfRun, refusalsOf } from '../../compartments/subsystems.js';
import { refuse } from '../../compartments/compartment.js';
import { Store } from '../../state/store.js';
import type { Args } from '../parse.js';
import { blameFile, runRequest } from '../request.js';
import type { Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';

export const DEFAULT_FILE = 'compart.yaml';

type Request = ReturnType<typeof runRequest>;

/** Everything in the file is checked before the first compartment is made. */
function requestOf(host: Host, args: Args, entry: FileEntry): Request {
  const request = runRequest(host, args, entry);
  try {
    checkLimits(host, request.limits);
    if (!request.bestEffort) refuse(refusalsOf(host, request.limits));
  } catch (error) {
    return blameFile(args, entry, error);
  }
  return request;
}

async function start({ host, self }: Terminal, request: Request): Promise<void> {
  if (request.argv.length > 0) {
    await startDetached(host, { ...request, spec: { ...request.spec, detached: true } }, self);
    return;
  }
  const kinds = kindsAsked(request.limits);
  for (const kind of kinds.length > 0 ? kinds : kindsOfRun({})) {
    const limits = request.limits[kind] === undefined ? {} : { [kind]: request.limits[kind] };
    await loadSubsystem(host, { ...request, kind, limits });
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
      if (store.read(request.name) !== null) continue;
      await start(terminal, request);
      started.push(request.name);
    }
  } catch (error) {
    for (const name of started) await removeCompartment(host, name, true);
    throw error;
  }
  const present = entries.map(({ name }) => name).filter((name) => !started.includes(name));
  if (args.on('json')) terminal.json({ started, present });
  for (const name of args.on('json') ? [] : started) terminal.out(`${name}\n`);
  for (const name of args.on('json') ? [] : present) terminal.say(`${name} is up already`);
  return 0;
};
