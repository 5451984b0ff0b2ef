import { isatty } from 'node:tty';
import { writeSync } from 'node:fs';
import type { Progress } from '../kernel/uml/progress.js';
import { largestUnit } from '../shared/units/duration.js';

const STEP_PERCENT = 10;

const PHASES: Readonly<Record<Progress['phase'], string>> = {
  unpack: 'unpacking the source',
  configure: 'patching and configuring',
  compile: 'compiling',
  install: 'stripping and installing',
};

/** How far it is, in words. Pure. */
export function describeProgress({ phase, percent, leftMs }: Progress): string {
  if (phase !== 'compile') return PHASES[phase];
  const left = leftMs === null ? '' : `, ${largestUnit(leftMs)} left`;
  return `${PHASES[phase]}: ${percent}%${left}`;
}

/** Shows how far a long deed is. */
export interface Gauge {
  show: (progress: Progress) => void;
  /** Takes away what stands on the terminal. */
  close: () => void;
}

/** On a terminal one line that is written again and again; else a line for each phase and every 10%. */
export function openGauge(say: (line: string) => void, fd = 2): Gauge {
  return isatty(fd) ? liveGauge(fd) : plainGauge(say);
}

function plainGauge(say: (line: string) => void): Gauge {
  let last = '';
  return {
    show: (progress) => {
      const at = `${progress.phase} ${Math.floor(progress.percent / STEP_PERCENT)}`;
      if (at === last) return;
      last = at;
      say(describeProgress(progress));
    },
    close: () => undefined,
  };
}

function liveGauge(fd: number): Gauge {
  const write = (text: string): void => {
    try {
      writeSync(fd, text);
    } catch {
      // The terminal is gone, or full: the build is what counts.
    }
  };
  let last = '';
  return {
    show: (progress) => {
      const line = `compart: ${describeProgress(progress)}`;
      if (line === last) return;
      last = line;
      write(`\r${line}\u001b[K`);
    },
    close: () => {
      if (last !== '') write('\r\u001b[K');
    },
  };
}
