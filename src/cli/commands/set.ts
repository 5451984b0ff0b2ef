import { openCompartment } from '../../compartments/compartment.js';
import { inspectCompartment } from '../../compartments/inspect.js';
import { mountInGuest, unmountInGuest } from '../../kernel/mount.js';
import { parseMount } from '../../kernel/rootfs/mounts.js';
import { setLimits } from '../../kernel/set.js';
import { limitTexts } from '../request.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json }) => {
  const name = args.words[0] ?? '';
  const texts = limitTexts(args);
  const gone = args.texts('unmount');
  const mounts = args.texts('mount').map((text) => parseMount(text, host.caller));
  const mountsAlone = Object.keys(texts).length === 0 && gone.length + mounts.length > 0;
  const changed = mountsAlone ? await openCompartment(host, name) : await setLimits(host, name, texts);
  for (const target of gone) await unmountInGuest(changed, target, args.on('force'));
  for (const mount of mounts) await mountInGuest(changed, mount);
  if (args.on('json')) json(inspectCompartment(changed));
  return 0;
};
