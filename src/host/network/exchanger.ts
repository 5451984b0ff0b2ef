import { CompartError, errnoOf } from '../../shared/errors.js';
import { startServant, type Servant } from '../exec.js';
import type { ToolResult } from '../tool.js';
import { answersIn, recordsOf, type Exchange } from './exchange.js';
import { u32, type Message } from './netlink.js';
import type { Enter } from './tools.js';
import { INNER_LINK } from './veth.js';

/** IFNAMSIZ. */
const NAME_BYTES = 16;
const END = 'end\n';

const name = (text: string): Buffer => Buffer.from(text.padEnd(NAME_BYTES, '\0'), 'latin1');

/** The bytes of a job for native/netlink.c. Pure. */
export function encodeJob(asked: Omit<Exchange, 'program'>): Buffer {
  const records = recordsOf(asked);
  const names = [asked.netns, asked.link, INNER_LINK].map(name);
  return Buffer.concat([u32(records.length, asked.make ? 1 : 0), ...names, records]);
}

/** The answer to one job as if it were that of a process of its own. Pure. */
export function resultOf(text: string): ToolResult {
  const refusal = /^fail .*$/m.exec(text)?.[0];
  return { status: refusal === undefined ? 0 : 1, stdout: text, stderr: refusal ?? '', errno: null };
}

/**
 * A process of native/netlink.c that stays, for a process that stays: what is asked of it takes a tenth of what it takes
 * to start one. It ends with whoever started it; one that has ended is started anew.
 */
export class Exchanger {
  readonly #enter: Enter;
  readonly #program: string;
  readonly #asked: Array<(result: ToolResult) => void> = [];
  #child: Servant | null = null;
  #text = '';

  /** @param enter words that enter the namespace whose links it is asked about */
  constructor(enter: Enter, program: string) {
    this.#enter = enter;
    this.#program = program;
  }

  /**
   * @returns what the kernel said
   * @throws ERR_COMPART_KERNEL naming the request that it refused, ERR_COMPART_LAUNCH where nobody asked it
   */
  async ask(asked: Omit<Exchange, 'program'>): Promise<Message[]> {
    const child = (this.#child ??= this.#start());
    const result = await new Promise<ToolResult>((resolve) => {
      this.#asked.push(resolve);
      child.stdin.write(encodeJob(asked));
    });
    if (result.status === null)
      throw new CompartError('ERR_COMPART_LAUNCH', `${this.#program}: ${result.errno ?? 'it ended'}`);
    return answersIn(asked, result);
  }

  /** Ends it. */
  close(): void {
    this.#child?.stdin.end();
  }

  #start(): Servant {
    const [file, ...words] = [...this.#enter, this.#program, '--serve'];
    const child = startServant(file, words);
    child.stdout.setEncoding('latin1').on('data', (text: string) => this.#hear(text));
    child.once('error', (error) => this.#lose(child, errnoOf(error)));
    child.once('close', () => this.#lose(child, null));
    return child;
  }

  #hear(text: string): void {
    this.#text += text;
    for (let end = this.#end(); end >= 0; end = this.#end()) {
      this.#asked.shift()?.(resultOf(this.#text.slice(0, end)));
      this.#text = this.#text.slice(end + END.length);
    }
  }

  /** No line of hexadecimal digits or refusal ends with its letters. */
  #end(): number {
    return this.#text.startsWith(END) ? 0 : this.#text.indexOf(`\n${END}`) + 1 || -1;
  }

  #lose(child: Servant, errno: string | null): void {
    child.stdin.destroy();
    child.stdout.destroy();
    if (this.#child !== child) return;
    this.#child = null;
    this.#text = '';
    for (const resolve of this.#asked.splice(0)) resolve({ status: null, stdout: '', stderr: '', errno });
  }
}
