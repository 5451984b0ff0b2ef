// Perl and Python for a Node service, in a captive Linux with a kernel of its own: what they do to it, it is gone at the end.
//
//   node examples/scripts.mjs
import { fileURLToPath } from 'node:url';
import { Guest } from 'compart';

const PROGRAMS = { perl: ['perl', '-'], python: ['python3', '-'], shell: ['sh', '-s'] };

/**
 * Boots a guest that runs scripts.
 * @returns `run(language, code, args)`, which gives stdout or throws with what the script said, and `close()`
 */
export async function interpreter({ mem = '128M', cpu = '50%', timeout = '10s' } = {}) {
  const guest = await Guest.boot({ mem, cpu, cwd: '/' });
  return {
    guest,
    async run(language, code, args = []) {
      const [file, ...words] = PROGRAMS[language];
      const { stdout } = await guest.exec(file, [...words, ...args], {
        input: code,
        timeout,
        extendEnv: false,
      });
      return stdout;
    },
    close: () => guest.shutdown(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { run, close } = await interpreter();
  try {
    console.log(await run('perl', 'print join(" ", map { $_ ** 2 } @ARGV), "\\n"', ['1', '2', '3']));
    console.log(await run('python', 'import os; print(os.uname().release, os.getuid())'));
  } finally {
    await close();
  }
}
