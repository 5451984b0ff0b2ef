import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { ownLines } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer } from '../support/shapes.js';

const sandbox = useSandbox();
const confined = requires('groups');
const run = (...words: string[]): Promise<Answer> => sandbox.current.compart(['run', ...words]);

describe('the exit status: 126, found but not executable', () => {
  confined.each<[string, (dir: string) => string]>([
    ['a file without the x bit', (dir) => write(`${dir}/plain`, '#!/bin/sh\n', 0o644)],
    ['a directory', (dir) => (mkdirSync(`${dir}/folder`), `${dir}/folder`)],
    [
      'a script whose interpreter is not there',
      (dir) => write(`${dir}/script`, '#!/no/such/interpreter\n', 0o755),
    ],
  ])('%s', async (_what, make) => {
    const file = make(sandbox.current.dir);
    const { status, stdout, stderr } = await run('--', file);
    expect({ status, stdout }).toEqual({ status: 126, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^compart: cannot execute ${file}: \\S.*\n`));
  });

  confined('a file on PATH without the x bit, called by its name', async () => {
    const { dir } = sandbox.current;
    write(`${dir}/plain-on-path`, '#!/bin/sh\n', 0o644);
    const answer = await sandbox.current.compart(['run', '--', 'plain-on-path'], {
      env: { PATH: `${dir}:${process.env['PATH'] ?? ''}` },
    });
    expect(answer.status).toBe(126);
  });

  confined('run -d tells it at once, with the code ERR_COMPART_NOT_EXECUTABLE', async () => {
    const file = write(`${sandbox.current.dir}/plain`, '', 0o644);
    const answer = await run('-d', '--json', '--', file);
    expect({ status: answer.status, stdout: answer.stdout }).toEqual({ status: 126, stdout: '' });
    expect((JSON.parse(answer.stderr) as ErrorAnswer).error.code).toBe('ERR_COMPART_NOT_EXECUTABLE');
  });
});

function write(path: string, text: string, mode: number): string {
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('the exit status: 127, command not found', () => {
  confined.each([['no-such-command-here'], ['/no/such/path'], ['./not-here'], ['/etc/passwd/below'], ['']])(
    '"%s"',
    async (command) => {
      const { status, stdout, stderr } = await run('--', command);
      expect({ status, stdout }).toEqual({ status: 127, stdout: '' });
      expect(stderr.split('\n')[0]).toBe(`compart: ${command || '""'}: command not found`);
    },
  );

  confined('run -d tells it at once, with the code ERR_COMPART_COMMAND_NOT_FOUND', async () => {
    const answer = await run('-d', '--json', '--', 'no-such-command-here');
    expect({ status: answer.status, stdout: answer.stdout }).toEqual({ status: 127, stdout: '' });
    expect((JSON.parse(answer.stderr) as ErrorAnswer).error.code).toBe('ERR_COMPART_COMMAND_NOT_FOUND');
  });
});

describe('the exit status: 2, wrong usage', () => {
  confined.each([
    [[]],
    [['no-such-verb']],
    [['run']],
    [['run', '--']],
    [['run', '--no-such-flag', '--', 'true']],
    [['run', '--mem', '12X', '--', 'true']],
    [['run', '--mem']],
    [['run', '--name', 'Bad Name', '--', 'true']],
    [['run', '--timeout', '-1s', '--', 'true']],
    [['run', '--user', 'no-such-user', '--', 'true']],
    [['load', 'memory']],
    [['kill']],
  ])('compart %j', async (words) => {
    const { status, stdout, stderr } = await sandbox.current.compart(words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).not.toMatch(/^\s+at /m);
    if (words.length > 0) expect(ownLines(stderr).length).toBe(stderr.trimEnd().split('\n').length);
  });
});
