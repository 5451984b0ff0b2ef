import { inWords, readSeen, withSeen, writeSeen } from './page.js';
import { debianImage } from './image.js';
import { SystemGuest } from './guest.js';
import type { Outcome } from './outcome.js';
import { FILES, SHORT, SYSTEMS, WHO, type System, type Who } from './systems.js';
import { Workplace } from './tree.js';

/**
 * `npm run test:systems [-- NAME|FILE|root|user...] [--short]`: boots each system, runs files of the integration suite in it as root
 * and as an ordinary user, and writes docs/systems.json and docs/systems.md. Status 1 if a test failed.
 */
const CACHE = '/var/cache/compart-test';
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const say = (line: string): void => void process.stderr.write(`systems: ${line}\n`);

function chosen<T>(words: readonly string[], all: readonly T[], nameOf: (one: T) => string): readonly T[] {
  const named = all.filter((one) => words.includes(nameOf(one)));
  return named.length === 0 ? all : named;
}

async function testIn(
  system: System,
  files: readonly string[],
  accounts: readonly Who[],
  work: Workplace,
): Promise<boolean> {
  const image = await debianImage(CACHE, system.image, say);
  const guest = new SystemGuest(system, work);
  const outcomes: Outcome[] = [];
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort();
    void guest.end().finally(() => (work.remove(), process.exit(130)));
  };
  // Not once: what execa listens with would take itself for the only listener then, and end this process at once.
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    say(`${system.name}: booting`);
    await guest.boot(image);
    say(`${system.name}: ${guest.release}`);
    for (const file of files)
      for (const who of accounts) {
        const outcome = await guest.test(file, who);
        // What the end of the guest has cut off is no outcome.
        if (stopping.signal.aborted) return false;
        outcomes.push(outcome);
        say(`${system.name}: ${file} as ${who}: ${inWords(outcome)} (${outcome.seconds} s)`);
        for (const { test, why } of outcome.failed) say(`  ${test}: ${why}`);
        writeSeen(withSeen(readSeen(), { name: system.name, release: guest.release, outcomes: [outcome] }));
      }
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    await guest.end();
  }
  return outcomes.every(({ failed }) => failed.length === 0);
}

const words = process.argv
  .slice(2)
  .flatMap((word) => (word === '--short' ? [...SHORT.systems, ...SHORT.files] : [word]));
const known = [...SYSTEMS.map(({ name }) => name), ...FILES, ...WHO];
const unknown = words.find((word) => !known.includes(word));
if (unknown !== undefined) {
  say(`"${unknown}" is neither a system nor a file of tests; there are: ${known.join(', ')}`);
  process.exit(2);
}
const work = new Workplace();
try {
  let good = true;
  for (const system of chosen(words, SYSTEMS, ({ name }) => name))
    good =
      (await testIn(
        system,
        chosen(words, FILES, (file) => file),
        chosen(words, WHO, (who) => who),
        work,
      )) && good;
  process.exitCode = good ? 0 : 1;
} finally {
  work.remove();
}
