import { describe, expect } from '@jest/globals';
import { told } from '../support/library.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();

describe('the example of a captive guest', () => {
  requires(
    'root',
    'uml',
    'perl',
    'python3',
    'cgroup-memory',
  )('runs Perl and Python for a Node service, survives what they do, and is gone at the end', async () => {
    const said = await told(
      sandbox.current,
      `import { interpreter } from ${JSON.stringify(`${process.cwd()}/examples/scripts.mjs`)};
         const scripts = await interpreter({ timeout: '20s' });
         said(await scripts.run('perl', 'print join("-", map { $_ ** 2 } @ARGV)', ['1', '2', '3']));
         said(await scripts.run('python', 'import os; os.system("rm -rf --no-preserve-root /srv /opt"); print(os.getuid())'));
         said((await errorOf(scripts.run('python', 'import sys; sys.exit(9)'))).exitCode);
         said((await errorOf(scripts.run('python', 'x = bytearray(1 << 30)'))).code);
         said(await scripts.run('shell', 'echo still there'));
         said((await scripts.close()).verdict);
         said(fs.existsSync('/opt'));`,
    );
    expect(said).toEqual([
      '1-4-9',
      '0',
      9,
      expect.stringMatching(/^ERR_COMPART_/),
      'still there',
      'ok',
      true,
    ]);
  });
});
