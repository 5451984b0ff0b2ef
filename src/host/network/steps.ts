import { CompartError } from '../../shared/errors.js';
import { argvOf, complaintOf, startTool, tryTool, type Enter, type TcAnswer } from './tools.js';

/** Lines for one process of ip(8) or tc(8), in a namespace or the router's own. */
export interface Step {
  tool: 'ip' | 'tc';
  netns: string | null;
  lines: readonly string[];
  /** Throws if the answer is not what was wanted; left out, any complaint is an error. */
  check?: (answer: TcAnswer) => void;
}

/** A first step, and rows of others: after the first, the rows need not wait for each other. */
export interface Steps {
  first: Step;
  rows: Step[][];
}

function judge({ tool, lines, check }: Step, result: ReturnType<typeof tryTool>): void {
  const complaint = complaintOf(tool, lines, result);
  if (check !== undefined) check({ stdout: result.stdout, complaint });
  else if (complaint !== null) throw new CompartError('ERR_COMPART_KERNEL', complaint);
}

/** @throws ERR_COMPART_KERNEL naming the line, ERR_COMPART_UNSUPPORTED */
export function runStep(enter: Enter, step: Step): void {
  judge(step, tryTool(enter, step.tool, argvOf(step.tool, step.netns), step.lines));
}

async function startStep(enter: Enter, step: Step): Promise<void> {
  judge(step, await startTool(enter, step.tool, argvOf(step.tool, step.netns), step.lines));
}

/** The rows side by side. Nothing of it runs any more when this comes back, however it does. */
export async function startSteps(enter: Enter, { first, rows }: Steps): Promise<void> {
  await startStep(enter, first);
  await allEnded(
    rows.map(async (row) => {
      for (const step of row) await startStep(enter, step);
    }),
  );
}

/** Waits for the end of all, then throws what the first of those that failed did. */
export async function allEnded(works: ReadonlyArray<Promise<unknown>>): Promise<void> {
  for (const end of await Promise.allSettled(works)) if (end.status === 'rejected') throw end.reason;
}
