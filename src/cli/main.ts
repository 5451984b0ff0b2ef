import { usageError } from '../shared/errors.js';
import { own } from '../shared/own.js';
import { Front } from '../host/front.js';
import { Host } from '../host/host.js';
import { nearest, parseArgs, splitLine } from './parse.js';
import { openTerminal, OutputClosed, reportError } from './terminal.js';
import { VERBS } from './verbs.js';

/** Runs one command line and returns the exit status. */
async function main(argv: readonly string[], self: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const terminal = openTerminal(Host.current(process.env, front), self);
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
    process.stderr.write(page);
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
  return handler(args, terminal);
}

/** The words before the user's own command decide whether errors are JSON. */
function wantsJson(argv: readonly string[]): boolean {
  const [name = '', ...rest] = argv;
  const verb = own(VERBS, name);
  return (verb === undefined ? argv : splitLine(verb, rest).own).includes('--json');
}

function statusOf(error: unknown): number {
  return error instanceof OutputClosed ? 0 : reportError(error, wantsJson(argv));
}

function leave(status: number): void {
  if (front === null) process.exit(status);
  front.end(status);
}

const argv = process.argv.slice(2);
const front = Front.take(process.env);
process.on('uncaughtException', (error) => leave(statusOf(error)));
void main(argv, front === null ? [process.execPath, process.argv[1] ?? ''] : [front.path])
  .catch(statusOf)
  .then(leave);
