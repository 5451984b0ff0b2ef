import { execa } from 'execa';
import { COMPART, type Answer, type Sandbox } from './sandbox.js';

/** A script for bash with bin/compart in $COMPART. */
export async function viaBash(sandbox: Sandbox, script: string): Promise<Answer> {
  const env = { ...sandbox.env, COMPART };
  const answer = await execa('bash', ['-c', script], {
    env,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
  });
  return { status: answer.exitCode ?? -1, stdout: answer.stdout, stderr: answer.stderr };
}
