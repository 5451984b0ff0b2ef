import type { Host } from '../host/host.js';
import { readStat } from '../host/proc/stat.js';

/** What is handed on to the command when it is sent to compart. */
const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT', 'SIGCONT'] as const;
/** What is kept until there is a command. */
const KEPT = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** The terminal sends these to its whole foreground group: the command has them already. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT']);

/** Hands on to the command what compart is sent. */
export interface Relay {
  /** The command exists: it gets what was kept for it, and all that comes. */
  deliver(pid: number, send: (signal: NodeJS.Signals) => void): void;
  stop(): void;
}

/** From now on signals that may end compart are kept for the command. With a front it is the front that does so. */
export function relaySignals(host: Host): Relay {
  if (host.front !== null) return { deliver: () => undefined, stop: () => undefined };
  const early: NodeJS.Signals[] = [];
  const keep = (signal: NodeJS.Signals): void => void early.push(signal);
  for (const signal of KEPT) process.on(signal, keep);
  let restore = (): void => {
    for (const signal of KEPT) process.off(signal, keep);
  };
  return {
    deliver: (pid, send) => {
      const keptNoMore = restore;
      restore = forwardSignals(host.paths.proc, pid, send);
      keptNoMore();
      for (const signal of early) send(signal);
    },
    stop: () => restore(),
  };
}

/**
 * Makes compart transparent to signals while a command runs in the foreground: what it is sent reaches the
 * command, what the terminal sends to both is not sent twice, and a command that stops itself (a shell's
 * `suspend`) stops compart as well, so that the caller's shell sees its job stopped.
 * @returns puts the former handling back
 */
function forwardSignals(proc: string, pid: number, send: (signal: NodeJS.Signals) => void): () => void {
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
