import { readFileSync } from 'node:fs';
import { decodeBase64url, utf8 } from '@bulla/crypto';
import { describe, expect, it } from '@jest/globals';
import type { BundleVerdict } from '../src/audit/bundle/verify-bundle.js';
import { verifyBundle } from '../src/audit/bundle/verify-bundle.js';
import { MemoryFolder } from './memory-folder.js';

// What is to be said of numbered logs in an export, as the vectors have it for everybody.

interface Vectors {
  readonly pin: string;
  readonly now: number;
  readonly roots: readonly string[];
  readonly policy: string;
  readonly directories: readonly string[];
  readonly cases: readonly {
    readonly name: string;
    /** The newest one of the export; those before it are there too. */
    readonly directory: number;
    readonly files: Readonly<Record<string, string>>;
    readonly expected: object;
  }[];
}

const file = new URL('../../conformance/vectors/golden/numbered-logs.json', import.meta.url);
const { pin, now, roots, policy, directories, cases } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

describe('what is said of numbered logs [guard: audit-log-form]', () => {
  it.each(cases)('$name', async ({ directory, files, expected }) => {
    const folder = new MemoryFolder();
    for (const [path, bytes] of Object.entries(files)) folder.files.set(path, decodeBase64url(bytes));
    for (const [at, root] of roots.entries()) folder.files.set(`trust/root-${at + 1}.json`, utf8(root));
    folder.files.set('trust/policy-1.json', utf8(policy));
    for (const [at, text] of directories.slice(0, directory).entries())
      folder.files.set(`trust/directory-${at + 1}.json`, utf8(text));
    expect(saidBy(await verifyBundle(folder, { pin, now }))).toEqual(expected);
  });
});

/** A verdict in the words of the vectors. */
function saidBy({ valid, logs, older }: BundleVerdict) {
  const said = logs.map(({ origin, failure, head, counted }) => ({
    origin,
    ...((failure === undefined || failure.check === 'loss') && { counts: (counted ?? head)?.size ?? 0 }),
    ...(failure && { refused: failure.code, ...(failure.kind !== undefined && { check: failure.kind }) }),
  }));
  return { valid, logs: said, older };
}
