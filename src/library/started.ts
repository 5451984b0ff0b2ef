import type { Streams } from '../host/launched.js';
import type { Compartment } from '../compartments/compartment.js';
import type { CommandSpec } from './options.js';
import type { Ending } from './result.js';

/** A command that runs, wherever: on the host in a compartment of its own or in one of others, or in a guest. */
export interface Started {
  compartment: Compartment;
  pid: number;
  streams: Streams;
  /** To all of the command: its compartment, where it is its own. */
  signal(signal: NodeJS.Signals): void;
  /** Rejects with a CompartError where the command could not be executed. */
  ended: Promise<Ending>;
}

/** Starts a command; the only thing in which the kinds of commands differ. */
export type Starter = (spec: CommandSpec) => Promise<Started>;
