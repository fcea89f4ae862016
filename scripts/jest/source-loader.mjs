// Preloaded into the processes that run tests: Node imports the sources themselves, each module once in a process.
// TypeScript is compiled by swc on the way in, and what came out is kept under .cache/sources by what went in.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const require = createRequire(import.meta.url);
const CACHE = fileURLToPath(new URL('../../.cache/sources/', import.meta.url));
const GLOBALS = new URL('jest-globals.mjs', import.meta.url).href;
const COMPILER = {
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, verbatimModuleSyntax: true },
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: true,
  inlineSourcesContent: true,
};
const COMPILER_VERSION = `${require('@swc/core/package.json').version} ${JSON.stringify(COMPILER)}`;

/** Source file (as a URL) to the file of its source map: native-runtime.cjs hands it to Jest, for stacks. */
const sourceMaps = new Map();
globalThis[Symbol.for('bulla.source-maps')] = sourceMaps;

// The product's own threads run what the product runs them with.
if (isMainThread) {
  mkdirSync(CACHE, { recursive: true });
  registerHooks({ resolve, load });
}

function resolve(specifier, context, nextResolve) {
  if (specifier === '@jest/globals') return { url: GLOBALS, format: 'module', shortCircuit: true };
  const source = sourceOf(specifier, context.parentURL);
  return source === undefined ? nextResolve(specifier, context) : nextResolve(source, context);
}

/** The TypeScript file that a relative import of a `.js` file means. */
function sourceOf(specifier, parent) {
  if (!/^\.{1,2}\/.*\.js$/.test(specifier) || parent?.startsWith('file:') !== true) return undefined;
  const url = new URL(specifier.replace(/\.js$/, '.ts'), parent);
  return existsSync(url) ? url.href : undefined;
}

function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return nextLoad(url, context);
  return { format: 'module', source: compiled(fileURLToPath(url)), shortCircuit: true };
}

function compiled(file) {
  const source = readFileSync(file, 'utf8');
  const name = createHash('sha256').update(`${COMPILER_VERSION}\n${file}\n${source}`).digest('hex');
  const [kept, keptMap] = [`${CACHE}${name}.mjs`, `${CACHE}${name}.map`];
  sourceMaps.set(pathToFileURL(file).href, keptMap);
  if (existsSync(kept)) return readFileSync(kept, 'utf8');
  const { code, map } = compile(source, file);
  const whole = `${code}\n//# sourceMappingURL=${pathToFileURL(keptMap).href}`;
  keep(keptMap, map);
  keep(kept, whole);
  return whole;
}

function compile(source, file) {
  return require('@swc/core').transformSync(source, { ...COMPILER, filename: file, configFile: false, swcrc: false });
}

/** Whole or not at all: another process may be reading. */
function keep(path, text) {
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}
