import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect } from '@jest/globals';

const run = (enter: readonly string[], file: string, ...argv: string[]): string => {
  const [first = file, ...words] = [...enter, file, ...argv];
  const { status, stdout, stderr } = spawnSync(first, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${[first, ...words].join(' ')}: ${stderr}`);
  return stdout;
};

const lines = (text: string, wanted: (line: string) => boolean): string[] => text.split('\n').filter(wanted);

/** What compart makes of a host's network. @param enter words before a command that looks from somewhere else */
export function networkOf(enter: readonly string[] = []): Record<string, string[]> {
  const ours = (line: string): boolean => line.startsWith('compart');
  return {
    links: lines(run(enter, 'ip', '-brief', 'link'), ours),
    netns: lines(run(enter, 'ip', 'netns', 'list'), ours),
    tables: lines(run(enter, 'nft', 'list', 'tables'), (line) => line.includes('inet compart')),
    settings: lines(
      run(enter, 'sysctl', '-a', '--pattern', 'forwarding$|accept_ra$'),
      (line) => !line.includes('.compart'),
    ),
  };
}

/** Fails each test of the file that leaves anything in the network of this host, a while after its end. */
export function useNetwork(): void {
  const before = networkOf();
  afterEach(() => expectNetwork(before));
}

/** The kernel takes a link away after its namespace, and compart the table after the command: some 30 ms later. */
export async function expectNetwork(before: object, enter: readonly string[] = []): Promise<void> {
  const wanted = JSON.stringify(before);
  for (let tries = 0; tries < 100 && JSON.stringify(networkOf(enter)) !== wanted; tries += 1) await delay(20);
  expect(networkOf(enter)).toEqual(before);
}

/** A network namespace that stands for a host of its own: whatever rules it has, nobody else meets them. */
export interface OtherHost {
  /** Words before a command that runs there, with all else of this host. */
  enter: string[];
  /** Where the world begins: an address of this host, from there by the default route. */
  world: string;
  /** Its rules as nft(8) lists them, without counters. */
  rules: () => string;
  /** Loads rules as a firewall does. */
  load: (text: string) => void;
}

/** A host of its own for each test of the file, which must leave it as it was. */
export function useOtherHost(name: string): OtherHost {
  const enter = ['nsenter', `--net=/run/netns/${name}`, '--'];
  const world = '10.98.0.1';
  const rules = (): string =>
    run(enter, 'nft', '--stateless', 'list', 'ruleset').replaceAll(/packets \d+ bytes \d+ ?/g, '');
  const load = (text: string): void => {
    const { status, stderr } = spawnSync(enter[0] ?? '', [...enter.slice(1), 'nft', '-f', '-'], {
      input: text,
    });
    if (status !== 0) throw new Error(String(stderr));
  };
  beforeEach(() => {
    run([], 'ip', 'netns', 'add', name);
    run([], 'ip', 'link', 'add', `${name}-up`, 'type', 'veth', 'peer', 'name', 'up0', 'netns', name);
    run([], 'ip', 'addr', 'add', `${world}/24`, 'dev', `${name}-up`);
    run([], 'ip', 'link', 'set', `${name}-up`, 'up');
    for (const line of ['addr add 10.98.0.2/24 dev up0', 'link set up0 up', 'link set lo up'])
      run([], 'ip', '-n', name, ...line.split(' '));
    run([], 'ip', '-n', name, 'route', 'add', 'default', 'via', world);
  });
  afterEach(() => {
    run([], 'ip', 'netns', 'del', name);
  });
  return { enter, world, rules, load };
}
