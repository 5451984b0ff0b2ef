import yargs from 'yargs';
import { usageError } from '../shared/errors.js';
import { own } from '../shared/own.js';
import { optionOf } from './options.js';
import { VERBS, type Verb } from './verbs.js';

const WIDTH = 100;

/** The help of one verb, or of the program; one screen, laid out by yargs. */
export async function helpPage(name: string | null): Promise<string> {
  if (name === null) return overview();
  const verb = own(VERBS, name);
  if (verb === undefined) throw usageError(`"${name}" is no verb`, 'compart --help lists them');
  return verbPage(verb);
}

async function verbPage(verb: Verb): Promise<string> {
  const page = yargs([])
    .scriptName('compart')
    .usage(`compart ${verb.usage}\n\n${capital(verb.summary)}.`)
    .help(false)
    .version(false)
    .wrap(WIDTH);
  for (const flag of [...verb.flags, 'help']) {
    const option = optionOf(verb, flag);
    if (option === undefined) continue;
    const { alias, help, metavar } = option;
    page.option(flag, {
      description: metavar === undefined ? help : `${metavar}  ${help}`,
      ...(alias === undefined ? {} : { alias }),
    });
  }
  for (const [command, meaning] of verb.examples) page.example(command, meaning);
  return `${await page.getHelp()}\n`;
}

async function overview(): Promise<string> {
  const page = yargs([])
    .scriptName('compart')
    .usage(
      'compart VERB [flags]\n\nGives any process its own memory, CPU, network, tasks and disk bandwidth.',
    )
    .help(false)
    .version(false)
    .wrap(WIDTH);
  for (const [name, verb] of Object.entries(VERBS)) {
    if (!verb.hidden) page.command(name, verb.summary);
  }
  page.example('compart run --mem 512M --cpu 50% -- make -j4', 'a build, held');
  page.example('compart doctor', 'what this host can enforce');
  page.epilogue('compart VERB --help has the flags of a verb; docs/cli.md the whole contract.');
  return `${await page.getHelp()}\n`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
