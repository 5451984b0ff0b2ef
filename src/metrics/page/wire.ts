import type { CompartmentEvent } from '../../compartments/events.js';
import type { Inspection } from '../../compartments/inspect.js';

/** What the server tells the page. Types only: page and server each have their own code. */

/** One compartment as `compart ps --json` has it. */
export type Listed = Omit<Inspection, 'spec'>;

/** The first message of a stream. */
export interface Hello {
  version: string;
  hostname: string;
  /** May the page freeze, kill and set? */
  control: boolean;
}

/** Once a second. */
export interface Sample {
  /** Unix time in milliseconds. */
  time: number;
  /** All compartments there are; else those of which anything has changed since the last sample. */
  full: boolean;
  compartments: Listed[];
  /** Ids of those that are gone since the last sample. */
  gone: string[];
  /** What happened since the last sample. */
  events: CompartmentEvent[];
}
