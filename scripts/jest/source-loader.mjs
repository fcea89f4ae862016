// Preloaded into the processes that run tests: Node imports the sources themselves, each module once in a process.
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { compileSource } from './compile-source.mjs';

const GLOBALS = new URL('jest-globals.mjs', import.meta.url).href;

/** Source file (as a URL) to the file of its source map: native-runtime.mjs hands it to Jest, for stacks. */
const sourceMaps = new Map();
globalThis[Symbol.for('bulla.source-maps')] = sourceMaps;

/** One source that stands in another text than its file, as JSON `{ file, text }`: scripts/guards runs tests so. */
const replaced = process.env.BULLA_GUARD_SOURCE && JSON.parse(readFileSync(process.env.BULLA_GUARD_SOURCE, 'utf8'));

// The product's own threads run what the product runs them with.
if (isMainThread) registerHooks({ resolve, load });

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
  const file = fileURLToPath(url);
  const { code, mapFile } = compileSource(file, file === replaced?.file ? replaced.text : undefined);
  sourceMaps.set(url, mapFile);
  return { format: 'module', source: code, shortCircuit: true };
}
