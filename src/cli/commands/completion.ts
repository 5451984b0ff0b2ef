import yargs from 'yargs';
import { usageError } from '../../shared/errors.js';
import type { Handler } from '../verbs.js';

/** yargs writes the script for the shell it believes to run under; it calls back `--get-yargs-completions`. */
export const handler: Handler = async (args) => {
  const shell = args.words[0] ?? (process.env['SHELL']?.includes('zsh') ? 'zsh' : 'bash');
  if (shell !== 'bash' && shell !== 'zsh')
    throw usageError(`completion: no completion for "${shell}"`, 'accepted: bash, zsh');
  process.env['SHELL'] = `/bin/${shell}`;
  process.env['ZSH_NAME'] = shell === 'zsh' ? 'zsh' : '';
  yargs([]).scriptName('compart').completion().showCompletionScript();
  return Promise.resolve(0);
};
