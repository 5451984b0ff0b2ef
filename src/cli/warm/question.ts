/** Guests that are to wait: `guests` of them as `boot WORDS` in `cwd` would make, instead of those that do. */
export interface GuestsQuestion {
  guests: number;
  /** Flags of `boot`. */
  words: string[];
  cwd: string;
}

/** What a service is asked: `stop` has it take nobody on any more. */
export type Question = 'status' | 'stop' | GuestsQuestion;

export const encodeQuestion = (question: Question): string =>
  typeof question === 'string' ? question : JSON.stringify(question);

const isWords = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((word) => typeof word === 'string');

/** @returns null for what is no question. Pure. */
export function parseQuestion(text: string): Question | null {
  if (text === 'status' || text === 'stop') return text;
  try {
    const { guests, words, cwd } = JSON.parse(text) as Partial<Record<string, unknown>>;
    const isCount = typeof guests === 'number' && Number.isSafeInteger(guests) && guests >= 0;
    if (!isCount || !isWords(words) || typeof cwd !== 'string' || !cwd.startsWith('/')) return null;
    return { guests, words, cwd };
  } catch {
    return null;
  }
}
