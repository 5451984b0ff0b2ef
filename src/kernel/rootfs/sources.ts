import { readFileSync } from 'node:fs';
import { CompartError } from '../../shared/errors.js';
import { runToolSync } from '../../host/exec.js';

/** A place that apt has packages of a release from: a line of sources.list(5). */
interface Source {
  uri: string;
  release: string;
  component: string;
}

const FORMAT = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)';

/** The lines of `apt-get indextargets` (apt-get(8)) in {@link FORMAT}. Pure. */
export function readSources(text: string): Source[] {
  return text.split('\n').flatMap((line) => {
    const [uri = '', release = '', component = ''] = line.split('|');
    return component === '' ? [] : [{ uri, release, component }];
  });
}

/**
 * Lines of sources.list(5) for a suite, from those that a host of the release `codename` has: its mirrors serve other
 * suites as well, each with its updates and its security fixes. Empty where it has none of its own release. Pure.
 */
export function sourcesFor(sources: readonly Source[], codename: string, suite: string): string[] {
  const own = sources.filter(({ release }) =>
    [codename, `${codename}-updates`, `${codename}-security`].includes(release),
  );
  const lines = own
    .filter(({ component }) => component === 'main')
    .map(({ uri, release }) => `deb ${uri} ${suite}${release.slice(codename.length)} main`);
  return [...new Set(lines)];
}

/** VERSION_CODENAME of os-release(5), or null. Pure. */
export const codenameOf = (text: string): string | null =>
  /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1] ?? null;

/**
 * Where this host's apt has packages of a suite from.
 * @param asked a suite, or null for the host's own
 * @throws ERR_COMPART_UNSUPPORTED on a host without apt, and where its apt names no mirror of its own release
 */
export function hostSources(asked: string | null): { suite: string; lines: string[] } {
  const codename = codenameOf(readFileSync('/etc/os-release', 'utf8'));
  const { status, stdout } = runToolSync('apt-get', [
    'indextargets',
    '--format',
    FORMAT,
    'Created-By: Packages',
  ]);
  const suite = asked ?? codename;
  const lines =
    codename === null || suite === null || status !== 0
      ? []
      : sourcesFor(readSources(stdout), codename, suite);
  if (suite !== null && lines.length > 0) return { suite, lines };
  throw new CompartError(
    'ERR_COMPART_UNSUPPORTED',
    'apt on this host names no mirror that packages could come from',
    {
      hint: 'a Debian or Ubuntu with deb lines in /etc/apt (sources.list(5)) can build images',
    },
  );
}
