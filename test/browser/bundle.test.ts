import { describe, expect, it } from '@jest/globals';
import { bundleForBrowser } from './bundle.js';

const ENTRIES = ['', '/open', '/key-files', '/letters', '/http', '/log'];
const LIBRARY = ENTRIES.map((entry) => `export * from '@bulla/crypto${entry}';`).join('\n');

describe('a bundle for browsers', () => {
  /** How Node comes into a bundle, and what is said of it. */
  it.each([
    [
      'an import of Node',
      `import { createHash } from 'node:crypto'; createHash('sha256');`,
      'Could not resolve "node:crypto"',
    ],
    ['an import by its old name', `import fs from 'fs'; fs.readFileSync('a');`, 'Could not resolve "fs"'],
    ['an import while it runs', `await import('node:crypto');`, 'Could not resolve "node:crypto"'],
    ['one that the code can do without', `import('node:crypto').catch(() => {});`, 'import node:crypto'],
    ['an import by a name put together', `const n = ['node:crypto']; await import(n[0]!);`, '"node:'],
    ['a require', `try { require('node:crypto'); } catch {}`, 'node:'],
    ['the way around all imports', `globalThis.process?.getBuiltinModule?.('crypto');`, 'getBuiltinModule'],
    ["the client's half for Node", `import * as client from '@bulla/client/node'; export { client };`, 'node:'],
    ['the runner of the vectors', `import * as all from '@bulla/conformance'; export { all };`, 'node:'],
  ])('is refused with %s', async (_name, code, why) => {
    await expect(bundleForBrowser(code)).rejects.toThrow(why);
  });

  it.each([
    ['the sources', ['bulla-source'], /^packages\/crypto\/src\/index\.ts$/],
    ['the build, as users get it', [], /^packages\/crypto\/dist\/index\.js$/],
  ])('has the library from %s, whole and without Node', async (name, conditions, entry) => {
    const { files, bytes, gzipBytes } = await bundleForBrowser(LIBRARY, conditions);
    process.stderr.write(`browser: ${name}: ${bytes} bytes, ${gzipBytes} with gzip, of ${files.length} files\n`);
    expect(files.filter((file) => entry.test(file))).toHaveLength(1);
    // What has two forms is there in the web's, and the other one would not have got in.
    const forms = files.flatMap((file) => /platform\/(?:open\/)?platform-(?:node|web)/.exec(file)?.[0] ?? []);
    expect(forms.toSorted()).toEqual(['platform/open/platform-web', 'platform/platform-web']);
    await expect(bundleForBrowser(LIBRARY, [...conditions, 'node'])).rejects.toThrow('Could not resolve "node:crypto"');
    // Twice the size would be somebody else's library in it.
    expect(gzipBytes).toBeLessThan(100_000);
  });
});
