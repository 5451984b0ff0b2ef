import { closeSync, existsSync, openSync, readSync, watch } from 'node:fs';
import type { Host } from '../host/host.js';
import { CompartError } from '../shared/errors.js';
import { History } from '../state/history.js';
import { makePrivateDir, stateError } from '../state/json.js';
import { Store } from '../state/store.js';

/** Where the output of a detached command goes: stdout and stderr in the order they were written. */
export function logFile(host: Host, id: string): string {
  return `${host.paths.log}/${id}.log`;
}

/** Opens the log for the command to append to. The caller closes the descriptor. */
export function openLog(host: Host, id: string): number {
  makePrivateDir(host.paths.log);
  try {
    return openSync(logFile(host, id), 'a', 0o600);
  } catch (error) {
    throw stateError('open', logFile(host, id), error);
  }
}

/** The id of the compartment of this name, or of the last one that ended. @throws ERR_COMPART_NOT_FOUND */
function idOf(store: Store, name: string): { id: string; alive: boolean } {
  const record = store.read(name);
  if (record !== null) return { id: record.id, alive: true };
  const ended = new History(store.root)
    .list()
    .filter((entry) => entry.name === name)
    .at(-1);
  if (ended !== undefined) return { id: ended.id, alive: false };
  throw new CompartError('ERR_COMPART_NOT_FOUND', `no compartment named "${name}"`, {
    hint: 'compart history lists those that ended',
  });
}

/**
 * The output of a detached command, in pieces; with `follow` until the command ends.
 * @throws ERR_COMPART_NOT_FOUND if there is no such compartment, or its output was not kept
 */
export async function* readLog(host: Host, name: string, follow: boolean): AsyncGenerator<Buffer> {
  const store = new Store(host.paths.state);
  const { id, alive } = idOf(store, name);
  const path = logFile(host, id);
  if (!existsSync(path)) {
    throw new CompartError('ERR_COMPART_NOT_FOUND', `"${name}" has no log`, {
      hint: 'only the output of --detach is kept; that of others went to their terminal',
    });
  }
  const fd = openSync(path, 'r');
  const buffer = Buffer.alloc(65_536);
  try {
    for (let more = true; more;) {
      // Asked before reading: what was written before the end is read after it.
      const running = follow && alive && store.read(name)?.id === id;
      for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer))
        yield Buffer.from(buffer.subarray(0, length));
      more = running;
      if (more) await changed(path);
    }
  } finally {
    closeSync(fd);
  }
}

/** Until the file changes, or a moment has passed: the end of the command changes no file of the log. */
function changed(path: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(path, () => finish());
    const timer = setTimeout(() => finish(), 200);
    const finish = (): void => {
      watcher.close();
      clearTimeout(timer);
      resolve();
    };
  });
}
