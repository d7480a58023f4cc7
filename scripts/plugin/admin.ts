import path from 'node:path';

import { build } from 'esbuild';

/** The part of a package's name in an import, e.g. `@strapi/strapi` of `@strapi/strapi/admin`. */
const packageName = /^(@[^/]+\/)?[^/]+/u;

/**
 * Writes the admin part of the plugin as ES modules. The host's own build bundles them, with its packages.
 * @returns the names of the packages that the modules import.
 */
export async function buildAdmin(folder: string): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: { index: 'src/admin/plugin.ts' },
    outdir: path.join(folder, 'dist', 'admin'),
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    bundle: true,
    // The host brings React and Strapi. A second copy of them would not work.
    packages: 'external',
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    tsconfig: 'src/admin/tsconfig.json',
    charset: 'utf8',
    metafile: true,
    logLevel: 'warning',
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  const names = imports.flatMap(({ path: from, external }) =>
    external === true ? [packageName.exec(from)?.[0] ?? from] : [],
  );
  return [...new Set(names)].sort();
}
