import { readStat } from '../host/proc/stat.js';

/** What is handed on to the command when it is sent to compart. */
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT', 'SIGCONT'] as const;
/** The terminal sends these to its whole foreground group: the command has them already. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT']);

/**
 * Makes compart transparent to signals while a command runs in the foreground: what it is sent reaches the
 * command, what the terminal sends to both is not sent twice, and a command that stops itself (a shell's
 * `suspend`) stops compart as well, so that the caller's shell sees its job stopped.
 * @returns puts the former handling back
 */
export function forwardSignals(
  proc: string,
  pid: number,
  send: (signal: NodeJS.Signals) => void,
): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    if (FROM_TERMINAL.has(signal) && inForeground(proc)) return;
    send(signal);
  };
  const onChild = (): void => {
    if (readStat(proc, pid)?.state === 'T') process.kill(process.pid, 'SIGSTOP');
  };
  for (const signal of FORWARDED) process.on(signal, onSignal);
  process.on('SIGCHLD', onChild);
  return () => {
    for (const signal of FORWARDED) process.off(signal, onSignal);
    process.off('SIGCHLD', onChild);
  };
}

/** Is this process in the foreground group of its terminal (tcgetpgrp(3))? */
function inForeground(proc: string): boolean {
  const stat = readStat(proc, 'self');
  return stat !== null && stat.foregroundGroup === stat.processGroup;
}
