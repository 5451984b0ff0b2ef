import { describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();

describe('compart run', () => {
  requires('root')('hands through stdout, stderr and the exit status', async () => {
    const answer = await sandbox.current.compart(['run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(answer).toEqual({ status: 7, stdout: 'out\n', stderr: 'err\n' });
  });
});
