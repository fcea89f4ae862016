import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const CACHE = fileURLToPath(new URL('../../.cache/sources/', import.meta.url));
/** How SWC compiles our TypeScript, wherever it does. */
export const SWC = {
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, verbatimModuleSyntax: true },
    keepClassNames: true,
  },
  module: { type: 'es6' },
};
const COMPILER = {
  ...SWC,
  sourceMaps: true,
  inlineSourcesContent: true,
  configFile: false,
  swcrc: false,
};
const COMPILER_VERSION = `${require('@swc/core/package.json').version} ${JSON.stringify(COMPILER)}`;

mkdirSync(CACHE, { recursive: true });

/**
 * Compiles a TypeScript file. What came out is kept under .cache/sources by what went in.
 * @param {string} file absolute path
 * @param {string} [source] its text, where that is not what stands in it
 * @returns {{ code: string, mapFile: string }} the module, and the file of its source map
 */
export function compileSource(file, source = readFileSync(file, 'utf8')) {
  const name = createHash('sha256').update(`${COMPILER_VERSION}\n${file}\n${source}`).digest('hex');
  const [kept, mapFile] = [`${CACHE}${name}.mjs`, `${CACHE}${name}.map`];
  if (existsSync(kept)) return { code: readFileSync(kept, 'utf8'), mapFile };
  const { code, map } = require('@swc/core').transformSync(source, { ...COMPILER, filename: file });
  const whole = `${code}\n//# sourceMappingURL=${pathToFileURL(mapFile).href}`;
  keep(mapFile, map);
  keep(kept, whole);
  return { code: whole, mapFile };
}

/** Whole or not at all: another process may be reading. */
function keep(path, text) {
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}
