import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Plot, runTool } from './tool.js';

describe('format', () => {
  const plot = new Plot();
  beforeAll(() => {
    plot.copy('biome.json');
    plot.plant('good.ts', `export const a = 'b';\n`);
    plot.plant('injected.ts', `export class A {\n  constructor(@Inject() readonly b: B) {}\n}\n`);
  });
  afterAll(() => plot.remove());

  const check = (file: string) => runTool('biome', ['format', '--vcs-enabled=false', file], plot.folder).status;

  it.each([
    ['double quotes', `export const a = "b";\n`],
    ['a missing semicolon', `export const a = 'b'\n`],
    ['four spaces', `if (a) {\n    b();\n}\n`],
    ['a line of more than 120 characters', `call(${Array.from({ length: 20 }, () => `argument`).join(', ')});\n`],
  ])('refuses %s', (_name, text) => {
    plot.plant('bad.ts', text);
    expect(check('bad.ts')).not.toBe(0);
  });

  it.each(['good.ts', 'injected.ts'])('accepts %s', (file) => expect(check(file)).toBe(0));

  it('is kept by the whole tree', () => {
    const run = runTool('biome', ['format', '--max-diagnostics=none']);
    const files = [...run.text.matchAll(/^(\S+) format ━/gm)].map(([, file]) => file);
    expect({ files, status: run.status }).toEqual({ files: [], status: 0 });
  });
});
