import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { COMPART } from './sandbox.js';

/** The root of the installation that is tested. */
export const ROOT = dirname(dirname(COMPART));

/** The compiled planner, where scripts/planner.mjs could build it. */
export const COMPILED = `${ROOT}/dist/bin/planner`;

/** What the process that plans for `run` and `exec` is called in these tests. */
export const PLANNER = process.env['COMPART_PLANNER'] !== 'node' && existsSync(COMPILED) ? 'planner' : 'node';
