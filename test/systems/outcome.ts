import type { Who } from './systems.js';

/** What one test file came to, in one system, as one user. */
export interface Outcome {
  file: string;
  who: Who;
  passed: number;
  /** Not run, as the system lacks something. */
  notPossible: number;
  /** What it lacks, in the words of test/support/requires.ts. */
  lacks: string[];
  failed: Array<{ test: string; why: string }>;
  seconds: number;
  /** The commit that was tested, with `+` where the tree had changes; absent of what was seen before that was noted. */
  tree?: string;
}

/** What jest writes with `--json`, as far as it is read here. */
interface JestReport {
  numPassedTests: number;
  numPendingTests: number;
  testResults: Array<{
    message: string;
    assertionResults: Array<{ fullName: string; status: string; failureMessages: string[] }>;
  }>;
}

export interface Ran {
  file: string;
  who: Who;
  /** Empty where jest did not come to write it. */
  json: string;
  stderr: string;
  seconds: number;
  tree: string;
}

/** Colours, which jest writes into its messages. */
const COLOUR = /\u001b\[[0-9;]*m/g;

/** What is said of a failure in a table: its beginning, on one line. */
const inShort = (text: string): string =>
  text
    .replace(COLOUR, '')
    .replace(/\s+/g, ' ')
    .replace(/ at .*$/, '')
    .trim()
    .slice(0, 300);

const lacksIn = (stderr: string): string[] => {
  const said = [...stderr.matchAll(/^skipping tests: this machine lacks (.*)$/gm)];
  return [...new Set(said.flatMap(([, what = '']) => what.split(', ')))].sort();
};

/** Reads what jest said. A file that brought no report has failed as a whole. Pure. */
export function outcomeOf({ file, who, json, stderr, seconds, tree }: Ran): Outcome {
  const base = { file, who, lacks: lacksIn(stderr), seconds, tree };
  if (json === '') {
    const why = inShort(stderr.split('\n').slice(-15).join(' ')) || `no end within ${seconds} s`;
    return { ...base, passed: 0, notPossible: 0, failed: [{ test: file, why }] };
  }
  const { numPassedTests, numPendingTests, testResults } = JSON.parse(json) as JestReport;
  const failed = testResults.flatMap(({ message, assertionResults }) => {
    const tests = assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => ({ test: fullName, why: inShort(failureMessages.join(' ')) }));
    // A file that cannot even be read has no test to blame.
    return assertionResults.length === 0 ? [{ test: file, why: inShort(message) }] : tests;
  });
  return { ...base, passed: numPassedTests, notPossible: numPendingTests, failed };
}
