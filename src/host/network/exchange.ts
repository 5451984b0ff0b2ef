import { getSystemErrorName } from 'node:util';
import { CompartError, reasonOf } from '../../shared/errors.js';
import { feedTool, runToolSync } from '../exec.js';
import type { ToolResult } from '../tool.js';
import { decodeMessages, encodeRequest, LAST_RECORD, type Message, type Request } from './netlink.js';
import type { Enter } from './tools.js';
import { INNER_LINK } from './veth.js';

/** Requests about one stack, carried out by one process of native/netlink.c, one after the other. */
export interface Exchange {
  /** The program. */
  program: string;
  /** Its namespace, in /run/netns, and the outer end of its link. */
  netns: string;
  link: string;
  /** Is the namespace to be made first? */
  make: boolean;
  requests: readonly Request[];
}

function wordsFor(enter: Enter, { program, netns, link, make }: Exchange): [string, string[]] {
  const own = [...(make ? ['--make'] : []), netns, link, INNER_LINK];
  const [first, ...words] = enter;
  return first === undefined ? [program, own] : [first, [...words, program, ...own]];
}

/** With its end marked: the event loop may be held up before it closes a pipe. */
export const recordsOf = ({ requests }: Pick<Exchange, 'requests'>): Buffer =>
  Buffer.concat([...requests.map(encodeRequest), LAST_RECORD]);

/** @throws ERR_COMPART_KERNEL naming the request that was refused */
export function answersIn(
  { netns, requests }: Pick<Exchange, 'netns' | 'requests'>,
  { status, stdout, stderr, errno }: ToolResult,
): Message[] {
  if (status === 0) return decodeMessages(stdout);
  const [, record, number, words = ''] = /^fail (\d+) (\d+) ?(.*)$/m.exec(stderr) ?? [];
  const what = requests[Number(record) - 1]?.what ?? `namespace ${netns}`;
  const why =
    number === undefined
      ? (errno ?? (stderr || `status ${String(status)}`))
      : reasonOf(getSystemErrorName(-Number(number)));
  throw new CompartError('ERR_COMPART_KERNEL', `${what}: ${why}${words === '' ? '' : `: ${words}`}`);
}

/** @returns what the kernel said @throws ERR_COMPART_KERNEL naming the request that it refused */
export function exchange(enter: Enter, asked: Exchange): Message[] {
  const [file, argv] = wordsFor(enter, asked);
  return answersIn(asked, runToolSync(file, argv, recordsOf(asked)));
}

/** What is listed while somebody changes it is asked for again, this often at most. */
export const MOST_TRIES = 10;
export const isTorn = (messages: readonly Message[]): boolean => messages.some(({ torn }) => torn);

/** The same, for lists. */
export function exchangeWhole(enter: Enter, asked: Exchange): Message[] {
  for (let tries = 1; ; tries += 1) {
    const messages = exchange(enter, asked);
    if (!isTorn(messages) || tries === MOST_TRIES) return messages;
  }
}

/** As {@link exchange}, while the event loop goes on. */
export async function startExchange(enter: Enter, asked: Exchange): Promise<Message[]> {
  const [file, argv] = wordsFor(enter, asked);
  return answersIn(asked, await feedTool(file, argv, recordsOf(asked)));
}
