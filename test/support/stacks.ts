import { writeFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import type { LentHost } from './lent-host.js';
import { until } from './programs.js';
import type { Sandbox } from './sandbox.js';
import { gone } from './service.js';

/** What `compart warm --status --json` says. */
export interface Service {
  pid: number;
  planned: number;
  stacks: { waiting: number; size: number } | null;
}

/** The rates of those that wait in tests. */
export const RATE = ['--net', '10mbit/5mbit'];
export const keeping = (size: number): string[] => ['warm', '--stacks', String(size), ...RATE];

export async function json<T>(host: LentHost, ...args: string[]): Promise<T> {
  const { status, stdout, stderr } = await host.compart(...args, '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

export const status = (host: LentHost): Promise<Service> => json(host, 'warm', '--status');
export const full = (host: LentHost, size: number): Promise<unknown> =>
  until(`${size} stacks wait`, async () => (await status(host)).stacks?.waiting === size, 20_000);

export async function stop(host: LentHost, pid: number): Promise<void> {
  await host.compart('warm', '--stop');
  await gone(pid);
}

/** The links of the stacks, by their index. */
export async function links(host: LentHost): Promise<Map<string, string>> {
  const { stdout } = await host.run(['ip', '-o', 'link']);
  return new Map(
    [...stdout.matchAll(/^(\d+): (compart\d+)@/gm)].map(([, index = '', name = '']) => [index, name]),
  );
}

/** A command that goes on until it is told to end. */
const told = ({ dir }: Sandbox): string => `${dir}/told`;
export const untilTold = (sandbox: Sandbox): string[] => [
  'sh',
  '-c',
  'while [ ! -e "$0" ]; do sleep 0.05; done',
  told(sandbox),
];
export const tell = (sandbox: Sandbox): void => writeFileSync(told(sandbox), '');

export const runs = (host: LentHost, name: string): Promise<unknown> =>
  until(`${name} runs`, async () =>
    (await json<Array<{ name: string; state: string; pid: number | null }>>(host, 'ps')).some(
      (row) => row.name === name && row.state === 'running' && row.pid !== null,
    ),
  );

/** Of `inspect`, as far as it is read. */
export interface Net {
  subsystems: {
    net: {
      enforced: boolean;
      fault?: string;
      limits: { rxLimitBps: number; txLimitBps: number };
      stats: { address: string };
    };
  };
}
