declare const COMPART_COMMIT: string | undefined;

/** The version in package.json; a test holds them equal. */
export const VERSION = '0.1.0';

/** The commit that the bundle was built from (scripts/bundle.mjs); empty in the library and outside a repository. */
export const COMMIT = typeof COMPART_COMMIT === 'string' ? COMPART_COMMIT : '';
