import type { Host } from '../../host/host.js';
import type { CommandRequest } from '../../compartments/launch.js';

type Session = Pick<CommandRequest, 'argv' | 'env' | 'workdir' | 'user'>;

/**
 * Flags of a session (native/guest.c): in a copy of the host's root a command has the caller's environment and
 * directory, as if it ran on the host; another root has nothing to do with them.
 */
function sessionWords({ caller }: Host, { env, workdir, user }: Session, ownRoot: boolean): string[] {
  const directory = workdir ?? (ownRoot ? null : caller.cwd);
  return [
    ...(ownRoot ? [] : ['--inherit']),
    ...(directory === null ? [] : ['--workdir', directory]),
    ...(user === null ? [] : ['--user', user]),
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
  ];
}

const commandWords = (argv: readonly string[]): string[] => (argv.length === 0 ? [] : ['--', ...argv]);

/** argv of the keeper of a guest. @param session with the boot file */
export function bootWords(host: Host, session: Session & { file: string; ownRoot: boolean }): string[] {
  const flags = session.argv.length === 0 ? [] : sessionWords(host, session, session.ownRoot);
  return [host.paths.native('guest'), 'boot', ...flags, session.file, ...commandWords(session.argv)];
}

/** argv of a client that runs a command in a guest. @param folder of the compartment's state */
export function execWords(host: Host, session: Session & { folder: string; ownRoot: boolean }): string[] {
  const flags = sessionWords(host, session, session.ownRoot);
  return [host.paths.native('guest'), 'exec', ...flags, session.folder, ...commandWords(session.argv)];
}
