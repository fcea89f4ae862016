import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sampled } from '@bulla/testkit';
import { GENERATORS, runGenerator } from '../generators/generators.mjs';

const VECTORS = fileURLToPath(new URL('../vectors', import.meta.url));
/** Kept as they were computed once: `vectors/README.md` says with what. */
const WITHOUT_GENERATOR = ['golden/enrolment.json', 'golden/http-signature.json'];
/** Vectors that are made again would have other keys. */
const WITH_KEYS = ['organisations'];

const hasPython = spawnSync('/usr/bin/python3', ['-c', 'import cryptography']).status === 0;
const names = Object.keys(GENERATORS).filter((name) => !WITH_KEYS.includes(name));
const inPython = (name: string) => /[.]py$/.test(GENERATORS[name]?.program ?? '');
const runnable = names.filter((name) => hasPython || !inPython(name));

/** Each file of a folder of vectors that is ours, with its text. */
function textsIn(folder: string): Record<string, string> {
  const files = ['.', 'golden'].flatMap((part) =>
    readdirSync(join(folder, part), { withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
      .map(({ name }) => join(part, name)),
  );
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}

describe('what makes vectors', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bulla-vectors-'));
    cpSync(VECTORS, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is known for every file, once', () => {
    const made = Object.values(GENERATORS).flatMap(({ makes }) => makes);
    expect([...made, ...WITHOUT_GENERATOR].toSorted()).toEqual(Object.keys(textsIn(VECTORS)).toSorted());
  });

  it.each(sampled(runnable, 3))('changes nothing that was published, and makes what is not there: %s', (name) => {
    const makes = GENERATORS[name]?.makes ?? [];
    const before = textsIn(folder);
    runGenerator(name, folder);
    expect(textsIn(folder)).toEqual(before);

    for (const file of makes) rmSync(join(folder, file));
    const adding = names.filter((other) => GENERATORS[other]?.addsTo?.some((file) => makes.includes(file)));
    for (const one of [name, ...adding]) runGenerator(one, folder);
    const after = textsIn(folder);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const file of makes) expect(shapeOf(after[file])).toEqual(shapeOf(before[file]));
  });
});

/** What stays when keys and nonces are others: names and outcomes of the cases, members of what has none. */
function shapeOf(text = ''): unknown {
  if (!text.startsWith('{')) return text.length > 0;
  const file = JSON.parse(text) as { cases?: { name: string; result?: string; expected?: { refused?: string } }[] };
  if (file.cases === undefined) return Object.keys(file);
  return new Set(file.cases.map(({ name, result, expected }) => `${name}: ${result ?? expected?.refused ?? 'ok'}`));
}
