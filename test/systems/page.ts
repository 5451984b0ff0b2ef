import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Outcome } from './outcome.js';
import { FILES, SYSTEMS, WHO, type System, type Who } from './systems.js';

/** What was seen of one system: docs/systems.json holds one of each. */
export interface Seen {
  name: string;
  /** Release, kernel, service manager. */
  release: string;
  outcomes: Outcome[];
}

const DATA = 'docs/systems.json';
const PAGE = 'docs/systems.md';

/** What earlier runs saw. */
export const readSeen = (): Seen[] =>
  existsSync(DATA) ? (JSON.parse(readFileSync(DATA, 'utf8')) as Seen[]) : [];

/** The same outcome, seen again, in the place of the earlier one. Pure. */
export function withSeen(all: readonly Seen[], { name, release, outcomes }: Seen): Seen[] {
  const isNew = (old: Outcome): boolean =>
    !outcomes.some(({ file, who }) => file === old.file && who === old.who);
  const kept = all.find((seen) => seen.name === name)?.outcomes.filter(isNew) ?? [];
  const merged = [...kept, ...outcomes].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  const others = all.filter((seen) => seen.name !== name);
  const order = (seen: Seen): number => SYSTEMS.findIndex((system) => system.name === seen.name);
  return [...others, { name, release, outcomes: merged }].sort((a, b) => order(a) - order(b));
}

/** `21 passed, 2 failed, 3 not possible`. */
export const inWords = ({ passed, failed, notPossible }: Outcome): string =>
  [
    ...(passed > 0 ? [`${passed} passed`] : []),
    ...(failed.length > 0 ? [`**${failed.length} failed**`] : []),
    ...(notPossible > 0 ? [`${notPossible} not possible`] : []),
  ].join(', ') || 'no test';

const cellText = (text: string): string => text.replace(/[|<>`*_\\]/g, '\\$&');

/** Of which commits what was seen is, those with most of it first. */
function treesIn(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { tree = 'earlier ones' } of outcomes) counts.set(tree, (counts.get(tree) ?? 0) + 1);
  const words = [...counts].sort(([, a], [, b]) => b - a).map(([tree, count]) => `${tree} (${count} runs)`);
  return `Commits: ${words.join(', ')}.`;
}

function section({ name, what }: System, { release, outcomes }: Seen): string {
  const of = (file: string, who: Who): Outcome | undefined =>
    outcomes.find((outcome) => outcome.file === file && outcome.who === who);
  const rows = FILES.map((file) => {
    const cells = WHO.map((who) => of(file, who)).map((outcome) => (outcome ? inWords(outcome) : '-'));
    return `| ${file} | ${cells.join(' | ')} |`;
  });
  const lacks = WHO.flatMap((who) => {
    const words = outcomes.filter((outcome) => outcome.who === who).flatMap((outcome) => outcome.lacks);
    return words.length === 0 ? [] : [`- as ${who}, lacking: ${[...new Set(words)].sort().join(', ')}`];
  });
  const failures = outcomes.flatMap(({ file, who, failed }) =>
    failed.map(({ test, why }) => `- ${file}, as ${who}: ${cellText(test)}: ${cellText(why)}`),
  );
  return [
    `## ${name}`,
    `${what}. ${release}. ${treesIn(outcomes)}`,
    ['| file of test/integration | as root | as an ordinary user |', '|---|---|---|', ...rows].join('\n'),
    ...(lacks.length === 0 ? [] : [`Not possible:\n\n${lacks.join('\n')}`]),
    ...(failures.length === 0 ? [] : [`Failed:\n\n${failures.join('\n')}`]),
  ].join('\n\n');
}

/** The whole page. Pure. */
export function pageOf(all: readonly Seen[]): string {
  const sections = SYSTEMS.map((system) => {
    const seen = all.find(({ name }) => name === system.name);
    return seen === undefined ? `## ${system.name}\n\n${system.what}. Not run yet.` : section(system, seen);
  });
  return `# Systems

Made by \`npm run test:systems\` from what the tests themselves said (docs/systems.json). Each system is a guest
(\`compart boot\`) with a root made by \`compart image build debian\`; in it every file of \`test/integration\` runs as root
and as an ordinary user who has logged in, with the groups that systemd or an administrator handed over
([rootless.md](rootless.md)). \`npm run test:systems -- NAME FILE\` runs one file in one system, \`--short\` a few in two; \`-\` is what has not been run.

A guest is a kernel for one processor without the cpuset controller, in which no other guest boots, and no system here
has npm, a compiler or Chromium: what needs one of these is not possible in any of them, and runs on the host of the suite.

${sections.join('\n\n')}
`;
}

/** Writes the data and the page. */
export function writeSeen(all: readonly Seen[]): void {
  writeFileSync(DATA, `${JSON.stringify(all, null, 1)}\n`);
  writeFileSync(PAGE, pageOf(all));
}
