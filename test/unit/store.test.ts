import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { identify } from '../../src/host/proc/identity.js';
import { Patience, passLock, tryLock, unlock } from '../../src/state/lock.js';
import { isRecord } from '../../src/state/record.js';
import { Store } from '../../src/state/store.js';
import { compartment, useFolder } from './state.js';
import { said } from './units/wrong.js';

const folder = useFolder();
const store = (): Store => new Store(`${folder.path}/state`);
const claimer = { pid: 100, startTime: 5 };
const entries = (): string[] => readdirSync(`${folder.path}/state/compartments`).sort();

describe('claim', () => {
  it("makes the folder and the record in it, for the owner's eyes only", () => {
    const record = compartment('a');
    store().claim(record, claimer);
    expect(store().get('a')).toEqual(record);
    expect(store().names()).toEqual(['a']);
    expect(entries()).toEqual(['a']);
    for (const path of ['', '/compartments', '/compartments/a'])
      expect(statSync(`${folder.path}/state${path}`).mode & 0o777).toBe(0o700);
    expect(statSync(`${folder.path}/state/compartments/a/record.json`).mode & 0o777).toBe(0o600);
  });

  it('lets one of two have a name and leaves the record of the winner alone', () => {
    store().claim(compartment('a', { id: '1'.repeat(32) }), claimer);
    expect(
      said(() => store().claim(compartment('a', { id: '2'.repeat(32) }), { pid: 101, startTime: 6 })),
    ).toEqual({
      code: 'ERR_COMPART_EXISTS',
      message: 'a compartment named "a" exists already',
      hint: 'choose another --name, or remove it: compart rm --force a',
    });
    expect(store().get('a').id).toBe('1'.repeat(32));
    expect(entries()).toEqual(['a']);
  });

  it('refuses a folder that others can write to', () => {
    mkdirSync(`${folder.path}/state`);
    chmodSync(`${folder.path}/state`, 0o777);
    const { code, message, hint } = said(() => store().claim(compartment('a'), claimer));
    expect(code).toBe('ERR_COMPART_STATE');
    expect(message).toBe(
      `${folder.path}/state belongs to uid ${process.getuid?.() ?? 0} or is writable by others`,
    );
    expect(hint).toBe('COMPART_STATE names another folder for the state');
  });

  it('says where no folder can be made', () => {
    writeFileSync(`${folder.path}/file`, '');
    expect(said(() => new Store(`${folder.path}/file/state`).claim(compartment('a'), claimer))).toEqual({
      code: 'ERR_COMPART_STATE',
      message: `cannot make ${folder.path}/file/state/compartments: Not a directory`,
      hint: 'COMPART_STATE names another folder for the state',
    });
  });

  it('shows what a process that died on the way left, and that it is no compartment', () => {
    mkdirSync(`${folder.path}/state/compartments/.new-77_123-half`, { recursive: true });
    expect(store().names()).toEqual([]);
    expect(store().unfinished()).toEqual([
      {
        folder: `${folder.path}/state/compartments/.new-77_123-half`,
        name: 'half',
        claimer: { pid: 77, startTime: 123 },
      },
    ]);
    store().discard(store().unfinished()[0]?.folder ?? '');
    expect(entries()).toEqual([]);
  });
});

describe('read', () => {
  it.each(['', '{"schema":1,"name":"a', '{', '[]', 'null1', '{}', '{"schema":2}', '"a"', '7'])(
    'calls a record that holds %j damaged',
    (text) => {
      store().claim(compartment('a'), claimer);
      const path = `${store().folder('a')}/record.json`;
      writeFileSync(path, text);
      expect(said(() => store().get('a'))).toEqual({
        code: 'ERR_COMPART_STATE',
        message: `the record of "a" is damaged: ${path}`,
        hint: 'compart rm --force a ends its processes and removes it',
      });
    },
  );

  it('calls a record damaged that was cut anywhere', () => {
    store().claim(compartment('a'), claimer);
    const path = `${store().folder('a')}/record.json`;
    const whole = readFileSync(path, 'utf8');
    for (let size = 0; size < whole.trimEnd().length; size += 7) {
      writeFileSync(path, whole.slice(0, size));
      expect(said(() => store().read('a')).code).toBe('ERR_COMPART_STATE');
    }
  });

  it('finds nothing under a name that is none, whatever lies there', () => {
    store().claim(compartment('a'), claimer);
    mkdirSync(`${folder.path}/state/project`);
    writeFileSync(`${folder.path}/state/project/record.json`, JSON.stringify(compartment('project')));
    for (const name of ['../project', '..', '.', '', './a', 'a/', '.new-1_2-a', 'A', 'a'.repeat(300)]) {
      expect(store().read(name)).toBeNull();
      expect(said(() => store().get(name))).toEqual({
        code: 'ERR_COMPART_NOT_FOUND',
        message: `no compartment named "${name}"`,
        hint: 'compart ps lists those that exist',
      });
    }
  });

  it('sees no folder outside of its own, and drops none', () => {
    store().claim(compartment('a'), claimer);
    mkdirSync(`${folder.path}/state/compartments/By-Hand`);
    expect(['a', 'By-Hand', 'b'].map((name) => store().hasFolder(name))).toEqual([true, true, false]);
    for (const name of ['', '.', '..', '../..', '../compartments', 'a/..', 'a/', '/tmp']) {
      expect(store().hasFolder(name)).toBe(false);
      expect(said(() => store().drop(name)).message).toBe(`"${name}" is no folder of the state`);
    }
    expect(store().names()).toEqual(['By-Hand', 'a']);
  });

  it('is empty where there is no state yet', () => {
    expect(store().names()).toEqual([]);
    expect(store().unfinished()).toEqual([]);
    expect(store().read('a')).toBeNull();
  });
});

describe('save and drop', () => {
  it('replaces the record as a whole and leaves no other file', () => {
    store().claim(compartment('a'), claimer);
    store().save(compartment('a', { startedAt: 5 }));
    expect(store().get('a').startedAt).toBe(5);
    expect(readdirSync(store().folder('a'))).toEqual(['record.json']);
  });

  it('keeps the old record when the new one cannot be written', () => {
    store().claim(compartment('a'), claimer);
    mkdirSync(`${store().folder('a')}/record.json.${process.pid}.tmp`);
    expect(said(() => store().save(compartment('a', { startedAt: 5 }))).code).toBe('ERR_COMPART_STATE');
    expect(store().get('a').startedAt).toBeNull();
  });

  it('drops everything, twice if need be, and frees the name', () => {
    store().claim(compartment('a'), claimer);
    store().markTimedOut('a');
    expect(store().hasTimedOut('a')).toBe(true);
    store().drop('a');
    store().drop('a');
    expect(entries()).toEqual([]);
    store().claim(compartment('a'), claimer);
    expect(store().hasTimedOut('a')).toBe(false);
  });
});

describe('a lock', () => {
  const self = identify('/proc', 'self') ?? { pid: 0, startTime: 0 };
  const parent = identify('/proc', process.ppid) ?? { pid: 0, startTime: 0 };
  const path = (): string => `${folder.path}/removing`;
  const take = (who: typeof self): boolean => tryLock(folder.path, 'removing', '/proc', who);

  it('is had once, by whoever has it again, and by another when it is given back', () => {
    expect([take(parent), take(self), take(parent)]).toEqual([true, false, true]);
    expect(tryLock(folder.path, 'changing', '/proc', self)).toBe(true);
    unlock(folder.path, 'removing');
    expect([take(self), take(parent)]).toEqual([true, false]);
  });

  it('that cannot be given back is an error that names it', () => {
    mkdirSync(path());
    expect(() => unlock(folder.path, 'removing')).toThrow(`cannot remove ${path()}: `);
  });

  it("is nobody's when its holder is dead, or its pid is another process by now", () => {
    expect(take({ pid: 4_194_305, startTime: 1 })).toBe(true);
    expect(take({ ...parent, startTime: parent.startTime + 1 })).toBe(true);
    expect([take(self), take(parent)]).toEqual([true, false]);
  });

  it('is taken over where there is something else in its place, and not had where the folder is gone', () => {
    writeFileSync(path(), '');
    expect(take(self)).toBe(true);
    expect(tryLock(`${folder.path}/gone`, 'removing', '/proc', self)).toBe(false);
  });

  it('wears out the patience for one holder who does not end, not for many who come and go', () => {
    const patience = new Patience(folder.path, 'removing');
    /** Looks until so much was waited in all, or until worn out. @returns the last wait */
    let waited = 0;
    const lookUntil = (ms: number): number | null => {
      for (;;) {
        const next = patience.look();
        if (next === null || (waited += next) >= ms) return next;
      }
    };
    take(parent);
    expect([patience.look(), patience.look()]).toEqual([1, 1.1]);
    expect(lookUntil(29_000)).toBe(100);
    passLock(folder.path, 'removing', self);
    expect(lookUntil(58_000)).toBe(100);
    expect([lookUntil(Infinity), Math.round(waited / 1000)]).toEqual([null, 59]);
  });
});

describe('isRecord', () => {
  it('holds what its readers rely on', () => {
    const whole = compartment('a');
    expect(isRecord(whole)).toBe(true);
    for (const key of ['schema', 'name', 'id', 'createdAt', 'spec', 'subsystems', 'group'] as const) {
      const { [key]: _left, ...rest } = whole;
      expect(isRecord(rest)).toBe(false);
    }
    for (const key of ['spec', 'subsystems'] as const)
      expect(isRecord({ ...whole, [key]: null })).toBe(false);
    expect(isRecord({ ...whole, group: { identity: '/a', dirs: null } })).toBe(false);
  });
});
