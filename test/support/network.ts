import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, expect } from '@jest/globals';

const run = (file: string, ...argv: string[]): string[] => {
  const { status, stdout, stderr } = spawnSync(file, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${[file, ...argv].join(' ')}: ${stderr}`);
  return stdout.split('\n');
};

/** What compart makes of this host's network. */
function network(): Record<string, string[]> {
  const ours = (line: string): boolean => line.startsWith('compart');
  return {
    links: run('ip', '-brief', 'link').filter(ours),
    netns: run('ip', 'netns', 'list').filter(ours),
    tables: run('nft', 'list', 'tables').filter((line) => line.includes('inet compart')),
    settings: run('sysctl', '-a', '--pattern', 'forwarding$|accept_ra$').filter(
      (line) => !line.includes('.compart'),
    ),
  };
}

/**
 * Fails each test of the file that leaves anything in the network of this host, a while after its end: the kernel takes
 * a link away after its namespace, and compart the table after the command, some 30 ms later.
 */
export function useNetwork(): void {
  let before: ReturnType<typeof network>;
  // Not run where every test of the file is skipped, as for an ordinary user, who may not list it.
  beforeAll(() => void (before = network()));
  afterEach(async () => {
    const wanted = JSON.stringify(before);
    for (let tries = 0; tries < 100 && JSON.stringify(network()) !== wanted; tries += 1) await delay(20);
    expect(network()).toEqual(before);
  });
}
