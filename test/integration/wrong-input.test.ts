import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { VERBS } from '../../src/cli/verbs.js';
import { formatCpuList, parseCpuList } from '../../src/shared/units/cpulist.js';
import { GIVEN_BASE } from '../support/place.js';
import { requires } from '../support/requires.js';
import { groupsBelow, hierarchies, processesBelow, useSandbox } from '../support/sandbox.js';
import type { ErrorAnswer } from '../support/shapes.js';

/** One wrong line, and what compart must answer. */
interface Case {
  words: string[];
  status: number;
  error: ErrorAnswer['error'];
}

const sandbox = useSandbox();
const TABLE = readFileSync(new URL('../fixtures/wrong-input.txt', import.meta.url), 'utf8');
/** Cases from here on want a compartment of this name. */
const KEPT = '# with a compartment called kept\n';
const AT_ONCE = 4;

/** What `{x}` stands for in the table: the folder of the test, and the CPUs of this machine. */
function known(): Record<string, string> {
  const cpus = parseCpuList(readFileSync('/sys/devices/system/cpu/online', 'utf8'));
  const { dir } = sandbox.current;
  return {
    dir,
    newline: '\n',
    count: String(cpus.length),
    percent: String(cpus.length * 100),
    online: formatCpuList(cpus),
  };
}

/** Reads cases as the head of the table describes them. */
function casesIn(text: string): Case[] {
  const values = known();
  const filled = text.replace(/\{([a-z]+)\}/g, (whole, name: string) => values[name] ?? whole);
  const texts = new Map(
    [...TABLE.matchAll(/^(@[a-z]+) (.+)$/gm)].map(([, name, meaning]) => [name, meaning]),
  );
  return [...filled.matchAll(/^(\d+) ([A-Z_]+) (.+)\n {2}([^]+?)\n {2}(.+)$/gm)].map(
    ([, status, code, line = '', message = '', hint = '']) => ({
      words: [...line.matchAll(/"(?:[^"\\]|\\.)*"|\S+/g)].map(([word]) =>
        word.startsWith('"') ? (JSON.parse(word) as string) : word,
      ),
      status: Number(status),
      error: { code: `ERR_COMPART_${code ?? ''}`, message, hint: texts.get(hint) ?? hint },
    }),
  );
}

const [general = '', withKept = ''] = TABLE.split(KEPT);

/** The files that cases name. */
function writeFiles(): void {
  const files: Record<string, string> = {
    text: 'some text\n',
    'empty.yaml': 'compartments:\n',
    'key.yaml': 'compartments:\n  a:\n    memm: 64M\n',
    'unit.yaml': 'compartments:\n  a:\n    mem: 64M\n    command: [sleep, "60"]\n    cpu: 12X\n',
    'high.yaml': 'compartments:\n  a:\n    mem: 64M\n    mem-high: 128M\n',
    'two.yaml': 'compartments:\n  a: {mem: 64M}\n  b: {mem: 64M}\n',
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(`${sandbox.current.dir}/${name}`, text);
  }
}

/** `--json` right behind the verb, or null for a verb that does not take it. */
function asJson([verb = '', ...rest]: readonly string[]): string[] | null {
  const table = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (table === undefined) return [verb, ...rest, '--json'];
  return table.flags.includes('json') ? [verb, '--json', ...rest] : null;
}

/** As people read it: each line behind `compart: `. */
const asText = ({ message, hint }: Case['error']): string =>
  `${message}\n${hint ?? ''}`.replace(/^/gm, 'compart: ') + '\n';

interface Outcome {
  line: string;
  status: number;
  stdout: string;
  stderr: unknown;
}

/** Runs the cases, a few at once, and returns what was expected of each and what it answered. */
async function run(
  cases: readonly Case[],
  json: boolean,
): Promise<{ expected: Outcome[]; answered: Outcome[] }> {
  const expected: Outcome[] = [];
  const answered: Outcome[] = [];
  const one = async ({ words, status, error }: Case): Promise<[Outcome, Outcome]> => {
    const args = json ? asJson(words) : null;
    const answer = await sandbox.current.compart(args ?? words, { cwd: sandbox.current.dir });
    const stderr: unknown =
      args !== null && answer.stderr.startsWith('{') ? JSON.parse(answer.stderr) : answer.stderr;
    const line = (args ?? words).join(' ');
    return [
      { line, status, stdout: '', stderr: args === null ? asText(error) : { error } },
      { ...answer, line, stderr },
    ];
  };
  for (let index = 0; index < cases.length; index += AT_ONCE) {
    for (const [wanted, given] of await Promise.all(cases.slice(index, index + AT_ONCE).map(one))) {
      expected.push(wanted);
      answered.push(given);
    }
  }
  return { expected, answered };
}

/** No compartment, no record of a run, no process and no group: not even their parent. */
async function expectNothing(): Promise<void> {
  const { base } = sandbox.current;
  expect(await sandbox.current.json(['ps'])).toEqual([]);
  expect(await sandbox.current.json(['history'])).toEqual([]);
  expect([...processesBelow(base), ...groupsBelow(base)]).toEqual([]);
  // A parent that the system gave is not ours.
  if (GIVEN_BASE === null) expect(hierarchies().filter((mount) => existsSync(mount + base))).toEqual([]);
}

describe('wrong input', () => {
  requires('groups')('has 170 cases or more, each with a way out, none twice', () => {
    const cases = casesIn(TABLE);
    expect(cases.length).toBe(TABLE.match(/^\d/gm)?.length);
    expect(cases.length).toBeGreaterThanOrEqual(170);
    expect(new Set(cases.map(({ words }) => words.join('\0'))).size).toBe(cases.length);
    for (const { error } of cases) expect(error.hint).toMatch(/^[^@].{3}/);
  });

  requires('groups')('ends with its status, code, message and hint, and leaves nothing', async () => {
    writeFiles();
    const { expected, answered } = await run(casesIn(general), true);
    expect(answered).toEqual(expected);
    await expectNothing();
  });

  requires('groups')('says the same to people, of every fourth case', async () => {
    writeFiles();
    const { expected, answered } = await run(
      casesIn(general).filter((_, index) => index % 4 === 0),
      false,
    );
    expect(answered).toEqual(expected);
    await expectNothing();
  });

  requires(
    'root',
    'cgroup-memory',
    'cgroup-pids',
  )('leaves a compartment that it names as it was', async () => {
    const { compart } = sandbox.current;
    writeFiles();
    for (const words of ['load vm --name kept --mem 64M', 'load pids --name kept --pids 100']) {
      expect((await compart(words.split(' '))).status).toBe(0);
    }
    const before = await sandbox.current.json<Record<string, unknown>>(['inspect', 'kept']);
    const { expected, answered } = await run(casesIn(withKept), true);
    expect(answered).toEqual(expected);
    const after = await sandbox.current.json<Record<string, unknown>>(['inspect', 'kept']);
    expect(limitsOf(after)).toEqual(limitsOf(before));
    expect(after).toMatchObject({ name: 'kept', state: 'created', pid: null });
    await compart(['rm', 'kept']);
    await expectNothing();
  });
});

/** All of an inspection but its counters. */
function limitsOf(inspection: Record<string, unknown>): unknown {
  return JSON.parse(
    JSON.stringify(inspection, (key, value: unknown) => (key === 'stats' ? undefined : value)),
  );
}
