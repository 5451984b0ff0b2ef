import tseslint from 'typescript-eslint';

/** Which module may be imported by which part of the house (docs/architecture.md). */
const only = (paths, message) => ({
  'no-restricted-imports': ['error', { paths: paths.map((name) => ({ name, message })) }],
});
const CHILD_PROCESS = ['child_process', 'node:child_process', 'execa'];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'native/',
      'node_modules/',
      '*.config.js',
      'scripts/',
      'test/support/transform.js',
      '.dependency-cruiser.cjs',
      'bin/',
      'examples/',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/prefer-nullish-coalescing': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['src/**'],
    rules: {
      ...only(
        [...CHILD_PROCESS, 'yargs', 'yargs-parser', 'prom-client', 'systeminformation'],
        'see docs/architecture.md for who may import it',
      ),
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'only src/cli ends the process' },
        { object: 'process', property: 'stdout', message: 'only src/cli prints' },
      ],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ['src/host/exec.ts', 'src/host/follow.ts'],
    rules: only(['yargs', 'yargs-parser', 'prom-client', 'systeminformation'], 'not here'),
  },
  {
    files: ['src/metrics/**'],
    rules: only([...CHILD_PROCESS, 'yargs', 'yargs-parser', 'systeminformation'], 'not here'),
  },
  {
    files: ['src/cli/**'],
    rules: {
      ...only([...CHILD_PROCESS, 'prom-client', 'systeminformation'], 'not here'),
      'no-restricted-properties': 'off',
    },
  },
  {
    files: ['test/**', 'bench/**'],
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
