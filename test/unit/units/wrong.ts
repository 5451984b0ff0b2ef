import { expect } from '@jest/globals';
import { CompartError } from '../../../src/shared/errors.js';

/** What `action` threw: it must be a CompartError. */
export function errorOf(action: () => unknown): CompartError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(CompartError);
    return error as CompartError;
  }
  throw new Error('nothing was thrown');
}

/** The code, the message and the hint of what `action` threw. */
export function said(action: () => unknown): { code: string; message: string; hint: string | null } {
  const { code, message, hint } = errorOf(action);
  return { code, message, hint };
}

/** True if `action` returns, or throws a usage error; any other error goes through and fails the test. */
export function neverCrashes(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof CompartError && error.code === 'ERR_COMPART_USAGE') return true;
    throw error;
  }
}
