import { expect } from '@jest/globals';
import { until } from './programs.js';
import type { Answer, Sandbox } from './sandbox.js';
import type { ErrorAnswer, ExitRecord, Inspection } from './shapes.js';

/** What a verb answers that has nothing to say. */
export const DONE: Answer = { status: 0, stdout: '', stderr: '' };

export interface Verbs {
  compart: (...args: string[]) => Promise<Answer>;
  inspect: (name: string) => Promise<Inspection>;
  history: () => Promise<ExitRecord[]>;
  /** Starts a detached command and expects the name for an answer. */
  detach: (name: string, flags: string[], ...command: string[]) => Promise<void>;
  /** Waits until there is no compartment of this name any more. */
  gone: (name: string) => Promise<boolean>;
  /** The status and the error of a verb that fails. */
  refusal: (...args: string[]) => Promise<ErrorAnswer['error'] & { status: number }>;
}

/** The verbs as short words, in the sandbox of the running test. */
export function verbsIn(sandbox: { current: Sandbox }): Verbs {
  const compart: Verbs['compart'] = (...args) => sandbox.current.compart(args);
  return {
    compart,
    inspect: (name) => sandbox.current.json(['inspect', name]),
    history: () => sandbox.current.json(['history']),
    detach: async (name, flags, ...command) => {
      const answer = await compart('run', '-d', '--name', name, ...flags, '--', ...command);
      expect(answer).toEqual({ ...DONE, stdout: `${name}\n` });
    },
    gone: (name) => until(`${name} is gone`, async () => (await compart('inspect', name)).status === 125),
    refusal: async (...args) => {
      const { status, stderr } = await compart(...args, '--json');
      return { status, ...(JSON.parse(stderr) as ErrorAnswer).error };
    },
  };
}
