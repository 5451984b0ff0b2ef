import type { LiveMember } from '../../metrics/live/member.js';
import type { Key } from './keys.js';

export type Deed = 'freeze' | 'thaw' | 'kill';

/** Something that is done when it is confirmed, to the compartment of this id and to no other of its name. */
export interface Question {
  deed: Deed;
  id: string;
  name: string;
}

/** What a key asks to be done, null for a key that asks for nothing. */
export function questionFor(text: string, { record, state }: LiveMember): Question | null {
  const { id, name } = record;
  if (text === 'f') return { deed: state === 'frozen' ? 'thaw' : 'freeze', id, name };
  return text === 'K' ? { deed: 'kill', id, name } : null;
}

/** The question as it is asked. */
export function questionText({ deed, name }: Question): string {
  const what =
    deed === 'kill' ? `Kill every process of ${name}` : `${deed === 'thaw' ? 'Thaw' : 'Freeze'} ${name}`;
  return `${what}? y/n`;
}

/** How it went, in words. */
export function doneText({ deed, name }: Question): string {
  return `${name}: ${{ freeze: 'frozen', thaw: 'thawed', kill: 'killed' }[deed]}`;
}

/** Is it confirmed? Every key but `y` says no. */
export const isYes = (key: Key): boolean => key.name === 'text' && key.text.toLowerCase() === 'y';
