import type { Handler } from '../verbs.js';
import { freezeOrThaw } from './freeze.js';

export const handler: Handler = (args, terminal) => freezeOrThaw(args, terminal, false);
