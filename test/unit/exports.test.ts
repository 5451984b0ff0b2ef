import { describe, expect, it } from '@jest/globals';
import * as library from '../../src/index.js';

/**
 * What docs/library.md promises for a major version. There is one way to do each thing: the functions below, by which the
 * command line does the same, are no part of the promise.
 */
describe('the library', () => {
  it('exports these 11 values and no other', () => {
    expect(Object.keys(library).sort()).toEqual([
      'CompartError',
      'Compartment',
      'ERROR_CODES',
      'Guest',
      'LimitError',
      'RunError',
      'doctor',
      'gc',
      'history',
      'registerCompartCollector',
      'run',
    ]);
  });
});
