import { usageError } from '../shared/errors.js';
import { own } from '../shared/own.js';
import { nearest, parseArgs, splitLine } from './parse.js';
import { reportError, type Lines, type Terminal } from './terminal.js';
import { VERBS } from './verbs.js';

/**
 * Runs one command line, the words after the program's name.
 * @returns its exit status, errors having been reported
 */
export async function runLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await obey(argv, terminal);
  } catch (error) {
    return statusOf(argv, terminal, error);
  }
}

/** Reports what ended a command line. */
export const statusOf = (argv: readonly string[], terminal: Terminal, error: unknown): number =>
  reportError(terminal, error, wantsJson(argv));

async function obey(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version' || name === '-v') {
    const { VERSION } = await import('../shared/version.js');
    terminal.out(`compart ${VERSION}\n`);
    return 0;
  }
  if (name === '--get-yargs-completions') {
    const { complete } = await import('./complete.js');
    terminal.out(await complete(terminal.host, argv.slice(1)));
    return 0;
  }
  const verb = name === undefined ? undefined : own(VERBS, name);
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const { helpPage } = await import('./help.js');
    const page = await helpPage(name === 'help' ? (rest[0] ?? null) : null);
    if (name !== undefined) {
      terminal.out(page);
      return 0;
    }
    terminal.complain(page);
    return 2;
  }
  if (verb === undefined) {
    const near = nearest(name, Object.keys(VERBS));
    throw usageError(
      `"${name}" is no verb`,
      near === null ? 'compart --help lists them' : `did you mean compart ${near}?`,
    );
  }
  const args = parseArgs(name, verb, rest);
  if (args.on('help')) {
    const { helpPage } = await import('./help.js');
    terminal.out(await helpPage(name));
    return 0;
  }
  const { handler } = await verb.load();
  return handler(args, terminal, LINES);
}

const LINES: Lines = {
  run: runLine,
  leavesProcess: ([name = '', ...rest]) => {
    const verb = own(VERBS, name);
    return (
      verb !== undefined && splitLine(verb, rest).own.some((word) => /^--(detach|strict)|^-\w*d/.test(word))
    );
  },
};

/** The words before the user's own command decide whether errors are JSON. */
function wantsJson(argv: readonly string[]): boolean {
  const [name = '', ...rest] = argv;
  const verb = own(VERBS, name);
  return (verb === undefined ? argv : splitLine(verb, rest).own).includes('--json');
}
