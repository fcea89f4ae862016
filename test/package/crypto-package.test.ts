import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import type { Problem } from '@arethetypeswrong/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import type { Platform } from 'esbuild';
import { publint } from 'publint';
import { repository } from '../../scripts/workspaces.mjs';
import { environment } from '../bulla-process.js';
import { blocksOf, patternOf } from '../e2e/guide/console-blocks.js';
import { Plot, runCompiler, runTool } from '../house/tool.js';
import { InstalledPackage, pack } from './installed-package.js';

const README = readFileSync(join(repository, 'packages/crypto/README.md'), 'utf8');
/** Each example in JavaScript, with the output that stands after it. */
const examples = [...README.matchAll(/```js\n([^`]+(?:`[^`]+`[^`]+)*?)\n```\n\n```text\n([^`]*)\n```/g)].map(
  ([, code = '', output = '']) => ({ code, output }),
);

let crypto: InstalledPackage;
beforeAll(() => {
  crypto = new InstalledPackage('packages/crypto');
});
afterAll(() => crypto.remove());

/** What publint has to say of an archive. */
async function lint(archive: string): Promise<string[]> {
  const { messages } = await publint({ pack: { tarball: bufferOf(archive) }, level: 'suggestion', strict: true });
  return messages.map(({ code }) => code);
}

/** Where types are not found, or are not those of the code; by `require` and by Node 10 there is nothing to find. */
async function typeProblems(archive: string): Promise<string[]> {
  const result = await checkPackage(createPackageFromTarballData(new Uint8Array(bufferOf(archive))));
  if (result.types === false) return ['no types'];
  const isOurs = (problem: Problem) =>
    !('resolutionKind' in problem && ['node10', 'node16-cjs'].includes(problem.resolutionKind));
  return result.problems.filter(isOurs).map(({ kind }) => kind);
}

function bufferOf(archive: string): ArrayBuffer {
  return Uint8Array.from(readFileSync(archive)).buffer;
}

describe('@bulla/crypto alone', () => {
  it('holds what its manifest names, its licence, its sources, and no tests', () => {
    const inside = runTool('tar', ['tzf', crypto.archive]).stdout.trim().split('\n');
    for (const file of ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts', 'src/index.ts'])
      expect(inside).toContain(`package/${file}`);
    expect(inside.filter((file) => /[.]test[.]|tsbuildinfo|vectors/.test(file))).toEqual([]);
    const place = join(crypto.folder, 'node_modules/@bulla/crypto');
    const manifest: unknown = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
    const named = pathsIn(manifest);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((path) => !existsSync(join(place, path)))).toEqual([]);
    const licence = (folder: string) => readFileSync(join(folder, 'LICENSE'), 'utf8');
    expect(licence(place)).toBe(licence(repository));
  });

  it('brings nothing of Bulla but itself', () => {
    const { stdout } = runTool('ls', [join(crypto.folder, 'node_modules/@bulla')]);
    expect(stdout).toBe('crypto\n');
  });

  it('passes publint and are-the-types-wrong', async () => {
    expect(await lint(crypto.archive)).toEqual([]);
    expect(await typeProblems(crypto.archive)).toEqual([]);
  });

  it('would not pass if its code, or its types, were not where they should be', async () => {
    const plot = new Plot();
    const manifest = (exports: object) =>
      plot.plant('package.json', JSON.stringify({ name: 'planted', version: '1.0.0', type: 'module', exports }));
    plot.plant('a.js', 'export const a = 1;\n');
    plot.plant('a.d.ts', 'export declare const a: number;\n');
    manifest({ '.': { types: './a.d.ts', default: './a.js' } });
    const packPlot = () => pack([plot.folder], plot.folder)[0] ?? '';
    const good = packPlot();
    expect([await lint(good), await typeProblems(good)]).toEqual([[], []]);
    manifest({ '.': { default: './b.js', types: './a.d.ts' } });
    expect(await lint(packPlot())).toEqual(
      expect.arrayContaining(['FILE_DOES_NOT_EXIST', 'EXPORTS_TYPES_SHOULD_BE_FIRST']),
    );
    manifest({ '.': { types: './b.d.ts', default: './a.js' } });
    expect(await typeProblems(packPlot())).not.toEqual([]);
    plot.remove();
  });

  it('has types that a strict project reads, without those of Node, and that say no', () => {
    const code = (examples[0]?.code ?? '')
      .replace('(pair)', '(pair: KeyPair)')
      .replace('import {', 'import type { KeyPair } from "@bulla/crypto";\nimport {');
    crypto.file('example.ts', code);
    crypto.file('wrong.ts', code.replace('sealLetter(letter', 'sealLetter(42'));
    const settings = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--target',
      'es2023',
      '--lib',
      'es2024,dom,dom.iterable',
    ];
    for (const module of [
      ['--module', 'nodenext'],
      ['--module', 'esnext', '--moduleResolution', 'bundler'],
    ]) {
      const { text } = runCompiler([...settings, ...module, 'example.ts', 'wrong.ts'], crypto.folder);
      // What belongs to a finding before it begins with a space.
      const findings = text.split('\n').filter((line) => /^\S/.test(line));
      expect(findings).toEqual([expect.stringMatching(/^wrong\.ts\(.*TS2345/)]);
    }
  });
});

describe('the examples of its README', () => {
  it('are all looked at', () => {
    expect(examples.length).toBe(README.split('```js\n').length - 1);
    expect(examples.length).toBeGreaterThan(2);
    expect(README.match(/^```(?!js$|console$|text$)\w+$/gm)).toBeNull();
  });

  it.each(examples.map((example, index) => ({ ...example, index: index + 1 })))(
    'print what stands there: $index',
    ({ code, output, index }) => {
      const file = crypto.file(`example-${index}.js`, code);
      const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
        cwd: crypto.folder,
        env: environment({}),
        encoding: 'utf8',
      });
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${output}\n`, stderr: '' });
    },
  );

  it('of the command print what stands there', () => {
    const typed = blocksOf(README).filter(({ language }) => language === 'console');
    const commands = typed.flatMap((block) => block.commands);
    expect(commands.length).toBeGreaterThan(3);
    const program = join(repository, 'packages/cli/bin/bulla.js');
    const env = environment({ BULLA_HOME: join(crypto.folder, 'home'), NODE: process.execPath, PROGRAM: program });
    for (const { command, output, status } of commands) {
      const script = `npx() { shift; "$NODE" "$PROGRAM" "$@"; }\nexec 2>&1\n${command}`;
      const ended = spawnSync('sh', ['-c', script], { cwd: crypto.folder, env, encoding: 'utf8' });
      expect({ command, status: ended.status, output: ended.stdout }).toEqual({
        command,
        status,
        output: expect.stringMatching(patternOf(output)),
      });
    }
  });
});

describe('a bundle of it', () => {
  /** Minified. @returns its size, and the modules of which something is left in it */
  async function bundle(code: string, platform: Platform = 'browser'): Promise<{ bytes: number; modules: string[] }> {
    const { metafile } = await build({
      stdin: { contents: code, resolveDir: crypto.folder },
      bundle: true,
      minify: true,
      format: 'esm',
      platform,
      write: false,
      metafile: true,
    });
    const [output] = Object.values(metafile.outputs);
    const inputs = Object.entries(output?.inputs ?? {});
    const modules = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
    return { bytes: output?.bytes ?? 0, modules };
  }
  const everything = ['', '/open', '/key-files', '/letters', '/http', '/log']
    .map((entry) => `export * from '@bulla/crypto${entry}';`)
    .join('\n');
  const of = (names: string, entry = '@bulla/crypto') => `import { ${names} } from '${entry}'; console.log(${names});`;
  /** Formats, and what they stand on. */
  const LARGE = [
    /dist\/log\/merkle/,
    /dist\/letters\/letter[.]js/,
    /dist\/organisation\/trust[.]js/,
    /node_modules\/zod/,
    /node_modules\/jose/,
    /node_modules\/@noble\/hashes/,
    /bip39/,
  ];

  it('has of the package what was imported from it', async () => {
    const [all, two] = [await bundle(everything), await bundle(of('encodeBase64url, fingerprint'))];
    // The control: what is looked for is found where it is.
    for (const part of LARGE) expect(all.modules).toContainEqual(expect.stringMatching(part));
    for (const part of LARGE) expect(two.modules).not.toContainEqual(expect.stringMatching(part));
    expect(two.bytes).toBeGreaterThan(200);
    expect(two.bytes * 20).toBeLessThan(all.bytes);
  });

  it('has a format alone with what that format needs', async () => {
    const [all, tree, letter] = [
      await bundle(everything),
      await bundle(of('verifyInclusion', '@bulla/crypto/log')),
      await bundle(of('sealLetter', '@bulla/crypto/letters')),
    ];
    expect(tree.modules).toContainEqual(expect.stringMatching(/dist\/log\/merkle-proof/));
    expect(tree.modules).not.toContainEqual(expect.stringMatching(/node_modules\/(zod|jose)/));
    expect(letter.modules).toContainEqual(expect.stringMatching(/dist\/letters\/letter[.]js/));
    for (const part of [
      /dist\/log\/merkle/,
      /dist\/organisation\/trust[.]js/,
      /dist\/(.*\/)?open[/.]/,
      /bip39/,
      /@noble/,
    ])
      expect(letter.modules).not.toContainEqual(expect.stringMatching(part));
    expect(tree.bytes * 20).toBeLessThan(all.bytes);
    expect(letter.bytes * 2).toBeLessThan(all.bytes);
  });

  it('for browsers takes nothing of Node', async () => {
    const { modules } = await bundle(everything);
    expect(modules).toContainEqual(expect.stringMatching(/platform-web[.]js$/));
    expect(modules.filter((path) => /platform-node[.]js$|^node:/.test(path))).toEqual([]);
  });

  it('for Node hashes with what Node has', async () => {
    const { modules } = await bundle(everything, 'node');
    expect(modules).toContainEqual(expect.stringMatching(/platform-node[.]js$/));
    expect(modules.filter((path) => /platform-web[.]js$|@noble/.test(path))).toEqual([]);
  });
});

/** Every path in the exports and imports of a manifest. */
function pathsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.startsWith('./') ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(pathsIn) : [];
}
