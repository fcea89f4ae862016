import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Plot, runTool, type ToolRun } from './tool.js';

/** Text that the formatter would write in another way. */
const PLANTED: readonly [name: string, file: string, text: string][] = [
  ['double quotes', 'quotes.ts', `export const a = "b";\n`],
  ['a missing semicolon', 'semicolon.ts', `export const a = 'b'\n`],
  ['four spaces', 'spaces.ts', `if (a) {\n    b();\n}\n`],
  [
    'a line of more than 120 characters',
    'long.ts',
    `call(${Array.from({ length: 20 }, () => `argument`).join(', ')});\n`,
  ],
];
const KEPT: readonly [file: string, text: string][] = [
  ['good.ts', `export const a = 'b';\n`],
  ['injected.ts', `export class A {\n  constructor(@Inject() readonly b: B) {}\n}\n`],
];

describe('format', () => {
  const plot = new Plot();
  let run: ToolRun;
  let refused: (string | undefined)[];
  beforeAll(() => {
    plot.copy('biome.json');
    for (const [, file, text] of PLANTED) plot.plant(file, text);
    for (const [file, text] of KEPT) plot.plant(file, text);
    run = runTool('biome', ['format', '--vcs-enabled=false', '--max-diagnostics=none'], plot.folder);
    refused = [...run.text.matchAll(/^(\S+) (?:format|parse) ━/gm)].map(([, file]) => file);
  });
  afterAll(() => plot.remove());

  it.each(PLANTED)('refuses %s', (_name, file) => expect(refused).toContain(file));

  it.each(KEPT)('accepts %s', (file) => {
    expect(run.text).toMatch(/^Checked \d+ files/m);
    expect(refused).not.toContain(file);
  });

  it('fails for bad text, which is all that it refuses', () => {
    expect(refused).toHaveLength(PLANTED.length);
    expect(run.status).not.toBe(0);
  });
});
