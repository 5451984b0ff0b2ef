import { readFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import * as library from '../../src/index.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const it = requires('npx');

describe('the pages of the API', () => {
  it('are made without a warning, with a page of each export', async () => {
    const { dir } = sandbox.current;
    const words = ['typedoc', '--out', `${dir}/api`, '--json', `${dir}/api.json`];
    const { exitCode, stdout, stderr } = await execa('npx', words, { reject: false, env: { NO_COLOR: '1' } });
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).not.toMatch(/warning|error/i);
    const { children } = JSON.parse(readFileSync(`${dir}/api.json`, 'utf8')) as {
      children: Array<{ name: string }>;
    };
    const names = children.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(library)));
  }, 120_000);
});
