import { describe, expect, it } from '@jest/globals';
import {
  CompartError,
  ERROR_CODES,
  errnoOf,
  reasonOf,
  systemReason,
  usageError,
  type ErrorCode,
} from '../../src/shared/errors.js';
import { own } from '../../src/shared/own.js';
import { UndoStack } from '../../src/shared/undo.js';

describe('ERROR_CODES', () => {
  it('gives 2 to wrong usage, 126 and 127 to the command itself, 125 to everything else', () => {
    const statuses = Object.entries(ERROR_CODES).map(([code, { exitCode }]) => [
      code.replace('ERR_COMPART_', ''),
      exitCode,
    ]);
    expect(Object.fromEntries(statuses)).toEqual({
      USAGE: 2,
      FILE: 2,
      NOT_FOUND: 125,
      OUTPUT: 125,
      EXISTS: 125,
      UNSUPPORTED: 125,
      STATE: 125,
      KERNEL: 125,
      BUSY: 125,
      LAUNCH: 125,
      NOT_EXECUTABLE: 126,
      COMMAND_NOT_FOUND: 127,
      ATTACH: 125,
      LISTEN: 125,
      BUILD: 125,
      FAILED: 125,
      LIMIT: 125,
      TIMEOUT: 125,
      CANCELED: 125,
      MAX_BUFFER: 125,
      INTERNAL: 125,
    });
  });

  it('says in a sentence when each is raised', () => {
    for (const [code, { when }] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^ERR_COMPART_[A-Z_]+$/);
      expect(when).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('CompartError', () => {
  it.each(Object.keys(ERROR_CODES) as ErrorCode[])(
    '%s carries its status, its hint and its cause',
    (code) => {
      const cause = new Error('why');
      const error = new CompartError(code, 'what', { hint: 'so', cause });
      expect(error).toMatchObject({
        name: 'CompartError',
        code,
        message: 'what',
        hint: 'so',
        cause,
        exitCode: ERROR_CODES[code].exitCode,
      });
      expect(new CompartError(code, 'what').hint).toBeNull();
    },
  );

  it('is made for wrong usage in short', () => {
    expect(usageError('what')).toMatchObject({ code: 'ERR_COMPART_USAGE', hint: null });
    expect(usageError('what', 'so').hint).toBe('so');
  });
});

describe("the system's reason", () => {
  it('is what strerror(3) says, or the name of the errno, or the message', () => {
    const system = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    expect([errnoOf(system), systemReason(system)]).toEqual(['EACCES', 'Permission denied']);
    expect([reasonOf('EXYZ'), reasonOf(null)]).toEqual(['EXYZ', 'unknown reason']);
    expect([systemReason(new Error('plain')), systemReason('text')]).toEqual(['plain', 'text']);
    expect([errnoOf(null), errnoOf('x'), errnoOf({ code: 5 }), errnoOf(undefined)]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });
});

describe('own', () => {
  it('finds nothing that every object has', () => {
    const table = { run: 1 };
    expect([own(table, 'run'), own(table, 'constructor'), own(table, '__proto__'), own(table, 'x')]).toEqual([
      1,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('UndoStack', () => {
  it('undoes backwards, once', () => {
    const done: string[] = [];
    const undo = new UndoStack();
    for (const what of ['a', 'b', 'c']) undo.add(what, () => done.push(what));
    expect(undo.unwind()).toEqual([]);
    expect(undo.unwind()).toEqual([]);
    expect(done).toEqual(['c', 'b', 'a']);
  });

  it('goes on when a step fails, and says which could not be undone', () => {
    const done: string[] = [];
    const error = new Error('no');
    const undo = new UndoStack();
    undo.add('a', () => done.push('a'));
    undo.add('b', () => {
      throw error;
    });
    undo.add('c', () => done.push('c'));
    expect(undo.unwind()).toEqual([{ what: 'b', error }]);
    expect(done).toEqual(['c', 'a']);
  });

  it('forgets what is kept', () => {
    const done: string[] = [];
    const undo = new UndoStack();
    undo.add('a', () => done.push('a'));
    undo.keep();
    undo.add('b', () => done.push('b'));
    undo.unwind();
    expect(done).toEqual(['b']);
  });
});
