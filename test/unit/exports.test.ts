import { describe, expect, it } from '@jest/globals';
import * as library from '../../src/index.js';

describe('the library', () => {
  it('exports these 20 values and no other', () => {
    expect(Object.keys(library).sort()).toEqual([
      'CompartError',
      'ERROR_CODES',
      'History',
      'Host',
      'Store',
      'attachProcesses',
      'diagnose',
      'inspectCompartment',
      'listCompartments',
      'loadSubsystem',
      'openCompartment',
      'parseLimits',
      'registerCompartCollector',
      'removeCompartment',
      'startDetached',
      'startRun',
      'sweepAll',
      'unloadSubsystem',
      'updateLimits',
      'watchEvents',
    ]);
  });
});
