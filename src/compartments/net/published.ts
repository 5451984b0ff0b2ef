import { usageError } from '../../shared/errors.js';
import { formatPublished, samePort, type NetAsked, type Published } from './limits.js';

/** The published ports that result. @throws ERR_COMPART_USAGE */
export function publishedOf(
  now: readonly Published[],
  { publish = [], unpublish = [] }: NetAsked,
): Published[] {
  for (const port of unpublish) {
    if (now.some((each) => samePort(each, port))) continue;
    const known = now.map(formatPublished).join(', ') || 'none';
    throw usageError(`--unpublish: ${port.ip}:${port.hostPort} is not published`, `published: ${known}`);
  }
  const kept = now.filter((each) => !unpublish.some((port) => samePort(each, port)));
  for (const [index, port] of publish.entries()) {
    if (![...kept, ...publish.slice(0, index)].some((each) => samePort(each, port))) continue;
    throw usageError(`--publish: ${formatPublished(port)} is published already`, 'once is enough');
  }
  return [...kept, ...publish];
}
