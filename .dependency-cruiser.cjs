/** Arrows run one way: cli, library → metrics → kernel → compartments → host, state → shared (docs/architecture.md). */
const LAYERS = ['cli', 'metrics', 'kernel', 'compartments', 'state', 'host', 'shared'];
const upward = LAYERS.flatMap((layer, depth) =>
  depth === 0
    ? []
    : [
        {
          name: `${layer}-imports-nothing-above`,
          severity: 'error',
          from: { path: `^src/${layer}/` },
          to: { path: `^src/(${LAYERS.slice(0, depth).join('|')})/` },
        },
      ],
);
const KINDS = ['vm', 'sched', 'net', 'io', 'pids'];

module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...upward,
    // The command and the library stand side by side on the same ground.
    {
      name: 'nothing-imports-library',
      severity: 'error',
      from: { path: `^src/(${LAYERS.join('|')})/` },
      to: { path: '^src/library/' },
    },
    {
      name: 'library-knows-no-cli',
      severity: 'error',
      from: { path: '^src/library/' },
      to: { path: '^src/cli/' },
    },
    ...KINDS.map((kind) => ({
      name: `${kind}-knows-no-other-subsystem`,
      severity: 'error',
      from: { path: `^src/compartments/${kind}/` },
      to: { path: `^src/compartments/(${KINDS.filter((other) => other !== kind).join('|')})/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'], conditionNames: ['import', 'node', 'default'] },
  },
};
