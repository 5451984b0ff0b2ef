import { fileURLToPath } from 'node:url';

/** The command that is tested: that of this tree. */
export const COMPART = fileURLToPath(new URL('../../bin/compart', import.meta.url));
