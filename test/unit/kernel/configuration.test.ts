import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseOptions, unmetOptions } from '../../../src/kernel/uml/configuration.js';
import { readRecipe } from '../../../src/kernel/uml/recipe.js';

const options = (text: string): Map<string, string> => new Map(parseOptions(text));

describe('a configuration', () => {
  it('reads 5 kinds of lines: on, off in two ways, a number, a string; and no comment', () => {
    const text =
      'CONFIG_A=y\nCONFIG_B=n\n# CONFIG_C is not set\nCONFIG_N=14\nCONFIG_S="fd:0,fd:1"\n# CONFIG_D=y, no\n';
    expect(options(text)).toEqual(
      new Map([
        ['A', 'y'],
        ['B', 'n'],
        ['C', 'n'],
        ['N', '14'],
        ['S', '"fd:0,fd:1"'],
      ]),
    );
  });

  it('tells the 3 options that came out otherwise from the 3 that did not', () => {
    const asked = options('CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=n\nCONFIG_D=n\nCONFIG_N=14\nCONFIG_E=n\n');
    const made = options('CONFIG_A=y\nCONFIG_C=y\n# CONFIG_D is not set\nCONFIG_N=12\n');
    expect(unmetOptions(asked, made)).toEqual([
      { option: 'B', asked: 'y', got: 'n' },
      { option: 'C', asked: 'n', got: 'y' },
      { option: 'N', asked: '14', got: '12' },
    ]);
  });
});

describe('the recipe', () => {
  const { options: text, patches, hash } = readRecipe();

  it('asks for each option once, and for no module', () => {
    const names = [...text.matchAll(/^CONFIG_(\w+)=/gm)].map(([, name]) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(text).not.toMatch(/^CONFIG_\w+=m$/m);
    expect(names.length).toBeGreaterThan(150);
  });

  it('has 9 patches, each with a subject, a reason of at least 3 lines, and its number in order', () => {
    const subjects = patches.map(({ path }) => {
      const [head = ''] = readFileSync(path, 'utf8').split('\n---\n');
      expect(head.split('\n').length).toBeGreaterThan(5);
      return /^Subject: \[PATCH (\d)\/9\] \w+: .+$/m.exec(head)?.[1];
    });
    expect(subjects).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(hash).toMatch(/^[0-9a-f]{12}$/);
  });
});
