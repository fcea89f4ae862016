import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Names in a bundle by which code would reach for Node at run time, where a bundler sees no import. */
const NODE_BY_NAME = /getBuiltinModule|["'`]node:|\brequire\(/g;

/** What a page loads. */
export interface Bundle {
  /** One ES module, minified. */
  readonly text: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Files that are in it, from the repository's folder. */
  readonly files: readonly string[];
}

/**
 * Bundles a module for browsers, as their users' tools do.
 * @param code the module; what it imports is looked up from this folder.
 * @param conditions besides those of every browser bundle. `bulla-source` unless given: the sources, without a build.
 * @throws {Error} where anything of Node is in it, or left for the browser to find, or esbuild has anything to say.
 */
export async function bundleForBrowser(code: string, conditions = ['bulla-source']): Promise<Bundle> {
  const { outputFiles, metafile, warnings } = await build({
    stdin: { contents: code, loader: 'ts', resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    absWorkingDir: fileURLToPath(new URL('../..', import.meta.url)),
    bundle: true,
    conditions,
    format: 'esm',
    logLevel: 'silent',
    metafile: true,
    minify: true,
    platform: 'browser',
    target: 'es2023',
    write: false,
  });
  const text = outputFiles[0]?.text ?? '';
  // An import that the code says it can do without is left in the bundle and no error for esbuild.
  const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => `import ${path}`));
  const said = warnings.map((warning) => warning.text);
  const findings = [...left, ...(text.match(NODE_BY_NAME) ?? []), ...said];
  if (findings.length > 0) throw new Error(`not for browsers: ${findings.join(', ')}`);
  return {
    text,
    bytes: Buffer.byteLength(text),
    gzipBytes: gzipSync(text, { level: 9 }).length,
    files: Object.keys(metafile.inputs),
  };
}
