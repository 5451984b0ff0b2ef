/** Guests that are to wait: `guests` of them as `boot WORDS` in `cwd` would make, instead of those that do. */
export interface GuestsQuestion {
  guests: number;
  /** Flags of `boot`. */
  words: string[];
  cwd: string;
}

/** Network stacks that are to wait, with these texts of limits, instead of those that do. */
export interface StacksQuestion {
  stacks: number;
  limits: Record<string, string>;
}

/** What a service is asked: `stop` has it take nobody on any more. */
export type Question = 'status' | 'stop' | GuestsQuestion | StacksQuestion;

export const encodeQuestion = (question: Question): string =>
  typeof question === 'string' ? question : JSON.stringify(question);

const isWords = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((word) => typeof word === 'string');

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && isWords(Object.values(value)) && !Array.isArray(value);

/** @returns null for what is no question. Pure. */
export function parseQuestion(text: string): Question | null {
  if (text === 'status' || text === 'stop') return text;
  try {
    const { guests, words, cwd, stacks, limits } = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (isCount(stacks)) return guests === undefined && isTexts(limits) ? { stacks, limits } : null;
    if (!isCount(guests) || !isWords(words) || typeof cwd !== 'string' || !cwd.startsWith('/')) return null;
    return { guests, words, cwd };
  } catch {
    return null;
  }
}
