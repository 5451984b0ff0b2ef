/** One server-sent event. */
export interface ServerEvent {
  event: string;
  data: string;
}

/** Takes a stream of server-sent events apart, in pieces as they come (HTML Standard, "Server-sent events"). */
export class EventParser {
  #rest = '';

  /** @returns the events that are whole now */
  push(text: string): ServerEvent[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.map(parse);
  }
}

function parse(block: string): ServerEvent {
  const lines = block.split('\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')] as const;
  });
  const valuesOf = (field: string): string[] =>
    lines.filter(([name]) => name === field).map(([, value]) => value);
  return { event: valuesOf('event').at(-1) ?? 'message', data: valuesOf('data').join('\n') };
}
