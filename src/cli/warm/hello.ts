/** What a front says of itself and of its caller before it is planned for (native/warm.h). */
export interface Hello {
  /** What it must have in common with the service, on one line (native/world.h). */
  world: string;
  /** The front itself. */
  path: string;
  beganMs: number;
  pid: number;
  cwd: string;
  /** Its words, without its own name. */
  words: string[];
  env: Record<string, string>;
}

const HEADER = 'compart-warm/1';
/** More than the kernel takes for a command line and an environment in most configurations; a front has the same bound. */
export const HELLO_BYTES_MAX = 4 * 1024 * 1024;

/** What stands for bytes that are not UTF-8: such a path is no longer the one that was meant. */
const LOST = '\ufffd';

function numberIn(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : null;
}

function environmentOf(variables: readonly string[]): Record<string, string> {
  const pairs = variables.flatMap((variable) => {
    const equals = variable.indexOf('=', 1);
    return equals < 0 ? [] : [[variable.slice(0, equals), variable.slice(equals + 1)] as const];
  });
  // The first of two counts, as for getenv(3).
  return Object.fromEntries(pairs.reverse());
}

/** Reads the body of the frame; null for one that no front of this version sends. Pure. */
export function parseHello(body: Buffer): Hello | null {
  if (body.length === 0 || body.at(-1) !== 0) return null;
  const texts = body.toString('utf8', 0, body.length - 1).split('\0');
  const [header, world = '', path = '', began, pidText, cwd = '', countText] = texts;
  const beganUs = numberIn(began);
  const pid = numberIn(pidText);
  const count = numberIn(countText);
  const known = header === HEADER && path.startsWith('/') && cwd.startsWith('/');
  if (!known || beganUs === null || pid === null || pid < 1 || count === null) return null;
  if (`${path}${cwd}`.includes(LOST)) return null;
  const rest = texts.slice(7);
  if (count > rest.length) return null;
  return {
    world,
    path,
    beganMs: beganUs / 1000,
    pid,
    cwd,
    words: rest.slice(0, count),
    env: environmentOf(rest.slice(count)),
  };
}
