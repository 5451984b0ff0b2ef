import { transformSync } from 'esbuild';

/** TypeScript for jest by the bundler that the project has anyway; types are tsc's to check. */
export default {
  process: (source, file) => {
    const { code, map } = transformSync(source, {
      loader: 'ts',
      format: 'esm',
      target: 'node20',
      sourcefile: file,
      sourcemap: 'external',
    });
    return { code, map };
  },
};
