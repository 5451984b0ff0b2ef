import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { execa } from 'execa';
import { formatIdentity, identify } from '../../src/host/proc/identity.js';
import { Pace } from '../../src/shared/pace.js';
import { foldHistory, foldNotes } from '../../src/state/fold.js';
import { History } from '../../src/state/history.js';
import { Ledger } from '../../src/state/ledger.js';
import { Store } from '../../src/state/store.js';
import { Totals, type HostTotals } from '../../src/state/totals.js';
import { noUsage, reasonOf, usageOf, type Usage } from '../../src/state/usage.js';
import { HOOK } from '../support/crash.js';
import { ended } from '../support/ends.js';
import { compartment, useFolder } from './state.js';

const folder = useFolder();
const PROGRAM = 'dist/test/ends.cjs';
const used = (changed: Partial<Usage>): Usage => ({ ...noUsage(), ...changed });
const read = (state: string, live: ReadonlyMap<string, Usage> = new Map()): Promise<HostTotals> =>
  new Totals(state).read(live, new Pace(1000));
const note = (id: string, usage: Partial<Usage>, name = id): void =>
  new Ledger(folder.path).note({ id, name, createdAt: 1 }, used(usage));
const historyFiles = (state: string): string[] => readdirSync(`${state}/history`).sort();

beforeAll(async () => {
  const options = { bundle: true, platform: 'node', format: 'cjs' } as const;
  await build({ ...options, entryPoints: ['test/support/ends.ts'], outfile: PROGRAM });
});

describe('the totals of a host', () => {
  it('are nothing on a host that ran nothing', async () => {
    expect(await read(folder.path)).toEqual({
      usage: noUsage(),
      exits: {},
      created: 0,
      removed: 0,
      reasons: new Map(),
    });
  });

  it('add up what ended, what was removed without an exit, and what lives', async () => {
    const history = new History(folder.path);
    for (const number of [1, 2]) history.add(ended(number));
    note('a', { cpuUserUs: 5, peakBytes: 70 });
    const totals = await read(
      folder.path,
      new Map([['b', used({ cpuUserUs: 2, oomKills: 3, peakBytes: 9 })]]),
    );
    expect(totals.usage).toEqual(
      used({ cpuUserUs: 2_000_007, oomKills: 5, readBytes: 20, writeBytes: 2, peakBytes: 70 }),
    );
    expect(totals).toMatchObject({ exits: { oom: 2 }, created: 4, removed: 3 });
  });

  it('count one once, of which an exit, a note and what lives tell', async () => {
    const record = ended(1, 'a'.repeat(32));
    new History(folder.path).add(record);
    note(record.id, { cpuUserUs: 1_500_000 });
    const totals = await read(folder.path, new Map([[record.id, used({ cpuUserUs: 1_200_000 })]]));
    expect(totals.usage).toMatchObject({ cpuUserUs: 1_500_000, oomKills: 1 });
    expect(totals).toMatchObject({ created: 1, removed: 0, reasons: new Map([[record.id, 'oom']]) });
  });

  it('do not go down for one reader when a compartment vanishes without a record', async () => {
    const totals = new Totals(folder.path);
    const pace = new Pace(1000);
    const before = await totals.read(new Map([['a', used({ cpuUserUs: 7 })]]), pace);
    const after = await totals.read(new Map(), pace);
    expect(after.usage).toEqual(before.usage);
    expect(after).toMatchObject({ created: 1, removed: 1 });
    note('a', { cpuUserUs: 9 });
    expect(await totals.read(new Map(), pace)).toMatchObject({
      usage: { cpuUserUs: 9 },
      created: 1,
      removed: 1,
    });
  });

  it('take no file for a record that is none', async () => {
    new History(folder.path).add(ended(1));
    writeFileSync(`${folder.path}/history/000000000000001-${'b'.repeat(32)}.json`, '{"id":"x","na');
    expect(await read(folder.path)).toMatchObject({ exits: { oom: 1 }, usage: { oomKills: 1 } });
  });

  it.each([
    ['ok', 0, null, 'success'],
    ['failed', 3, null, 'error'],
    ['pids', 1, null, 'error'],
    ['pids', 0, null, 'success'],
    ['killed', null, 'SIGTERM', 'stopped'],
    ['killed', null, 'SIGSEGV', 'signal'],
    ['oom', 0, null, 'oom'],
    ['timeout', null, 'SIGTERM', 'timeout'],
  ] as const)(
    'take the verdict %s with status %j and signal %j for %s',
    (verdict, exitCode, signal, reason) => {
      expect(reasonOf({ verdict, exitCode, signal })).toBe(reason);
    },
  );

  it('read 0 where a reading is missing', () => {
    expect(usageOf({})).toEqual(noUsage());
    expect(usageOf({ vm: null, net: { rxBytes: 3, txBytes: null } })).toEqual(used({ rxBytes: 3 }));
  });
});

describe('what is folded', () => {
  /** Eight ends: of the first a note as well, the second lives on. */
  function prepare(): { old: string[]; live: Map<string, Usage> } {
    const history = new History(folder.path);
    for (let number = 1; number <= 8; number += 1) history.add(ended(number));
    const [first, second] = [ended(1).id, ended(2).id];
    note(first, { cpuUserUs: 4_000_000 }, 'run-1');
    note('other', { rxBytes: 100 });
    new Store(folder.path).claim(compartment('run-2', { id: second }), { pid: 1, startTime: 1 });
    return {
      old: historyFiles(folder.path).slice(0, 5),
      live: new Map([[second, used({ cpuUserUs: 3_000_000 })]]),
    };
  }

  it('counts as before, without its files', async () => {
    const { old, live } = prepare();
    const before = await read(folder.path, live);
    expect(foldHistory(folder.path, old)).toBe(true);
    expect(historyFiles(folder.path)).toHaveLength(3);
    expect(await read(folder.path, live)).toEqual(before);
    expect(before).toMatchObject({
      created: 9,
      removed: 8,
      exits: { oom: 8 },
      usage: { cpuUserUs: 13_000_000 },
    });
    new Store(folder.path).drop('run-2');
    note(ended(2).id, { cpuUserUs: 6_000_000 }, 'run-2');
    expect(await read(folder.path)).toMatchObject({
      created: 9,
      removed: 9,
      exits: { oom: 8 },
      usage: { cpuUserUs: 16_000_000 },
    });
  });

  it('counts once and is lost nowhere, at whatever step its process is killed', async () => {
    const { old, live } = prepare();
    const before = await read(folder.path, live);
    const hook = `${folder.path}/hook.cjs`;
    writeFileSync(hook, HOOK);
    let step = 1;
    for (let died = true; died; step += 1) {
      const state = `${folder.path}-${step}`;
      cpSync(folder.path, state, { recursive: true, preserveTimestamps: true });
      const env = { ...process.env, NODE_OPTIONS: '', COMPART_TEST_DIE_AT: String(step) };
      const argv = ['--require', hook, PROGRAM, 'fold', state, ...old];
      died = spawnSync(process.execPath, argv, { env }).signal === 'SIGKILL';
      expect([step, await read(state, live)]).toEqual([step, before]);
      expect([step, foldHistory(state, old)]).toEqual([step, true]);
      expect([step, await read(state, live)]).toEqual([step, before]);
      expect(historyFiles(state)).toHaveLength(3);
      expect(existsSync(`${state}/totals/folding`)).toBe(false);
      rmSync(state, { recursive: true });
    }
    expect(step).toBeGreaterThan(10);
  });

  it('is left to the next one while somebody else folds', () => {
    const { old } = prepare();
    const ledger = new Ledger(folder.path);
    ledger.saveBase(ledger.base());
    symlinkSync(formatIdentity(identify('/proc', 1)!), `${folder.path}/totals/folding`);
    expect(foldHistory(folder.path, old)).toBe(false);
    expect(historyFiles(folder.path)).toHaveLength(8);
  });

  it('are notes, once there are more than 200 that are a minute old, but not that of one that lives', async () => {
    const minuteAgo = new Date(Date.now() - 61_000);
    for (let number = 0; number < 250; number += 1) note(`n${number}`, { rxBytes: 1 });
    const files = readdirSync(`${folder.path}/totals/removed`);
    for (const file of files.slice(50))
      utimesSync(`${folder.path}/totals/removed/${file}`, minuteAgo, minuteAgo);
    new Store(folder.path).claim(compartment('n99', { id: 'n99' }), { pid: 1, startTime: 1 });
    const live = new Map([['n99', used({ rxBytes: 1 })]]);
    const before = await read(folder.path, live);
    foldNotes(folder.path);
    expect(readdirSync(`${folder.path}/totals/removed`)).toHaveLength(51);
    expect(await read(folder.path, live)).toEqual(before);
    expect(before).toMatchObject({ created: 250, removed: 249, usage: { rxBytes: 250 } });
  });

  it('adds up for a reader that reads on while four processes end runs, never going down', async () => {
    const FIRST = 900;
    const history = new History(folder.path);
    for (let number = 0; number < FIRST; number += 1) history.add(ended(number));
    const totals = new Totals(folder.path);
    const adders = [0, 1, 2, 3].map((index) =>
      execa(process.execPath, [PROGRAM, 'add', folder.path, String(FIRST + index * 300), '300']),
    );
    const done = new AbortController();
    const all = Promise.all(adders).finally(() => done.abort());
    let last = 0;
    let reads = 0;
    while (!done.signal.aborted) {
      const { created, removed, exits, usage } = await totals.read(new Map(), new Pace(1));
      expect([removed, exits.oom, usage.oomKills, usage.cpuUserUs / 1e6]).toEqual(Array(4).fill(created));
      expect(created).toBeGreaterThanOrEqual(last);
      last = created;
      reads += 1;
    }
    await all;
    expect(await totals.read(new Map(), new Pace(1))).toMatchObject({ created: 2100, exits: { oom: 2100 } });
    expect(await read(folder.path)).toMatchObject({ created: 2100, usage: { peakBytes: 2099 } });
    expect(reads).toBeGreaterThan(3);
    expect(historyFiles(folder.path).length).toBeLessThan(1200);
  });
});
