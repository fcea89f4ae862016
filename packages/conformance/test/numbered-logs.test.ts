import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PrivateJwk } from '@bulla/crypto';
import { decodeBase64url, loadSigner } from '@bulla/crypto';
import { encodeCheckpoint, encodeNoteKey, noteKeyOf, parseEntryBundle } from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildGo, file, hasGo, hasPython, PYTHON } from './log-verifiers.js';

// What others say of exports with numbered logs. What our own code says is in packages/client/test/numbered-vectors.test.ts.

interface Vectors {
  readonly pin: string;
  readonly now: number;
  readonly keys: { readonly 'vault 1': PrivateJwk };
  readonly roots: readonly string[];
  readonly policy: string;
  readonly directories: readonly string[];
  readonly cases: readonly Case[];
}
interface Case {
  readonly name: string;
  readonly directory: number;
  readonly files: Readonly<Record<string, string>>;
  readonly expected: { readonly logs: readonly { readonly origin: string }[] };
}

const vectors = JSON.parse(readFileSync(file('vectors/golden/numbered-logs.json'), 'utf8')) as Vectors;
const { pin, now, keys, roots, policy, directories, cases } = vectors;

let work: string;
beforeAll(() => {
  work = folderForTest('numbered-logs');
  for (const [at, one] of cases.entries()) writeCase(folderOf(at), one);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const folderOf = (at: number) => join(work, `export-${at}`);
function writeCase(folder: string, { directory, files }: Case): void {
  const documents = {
    ...Object.fromEntries(roots.map((text, at) => [`trust/root-${at + 1}.json`, text])),
    'trust/policy-1.json': policy,
    ...Object.fromEntries(directories.slice(0, directory).map((text, at) => [`trust/directory-${at + 1}.json`, text])),
  };
  const logs = Object.entries(files).map(([path, bytes]) => [path, decodeBase64url(bytes)] as const);
  for (const [path, content] of [...Object.entries(documents), ...logs]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** What Python says of folders, one after the other. */
function judged(under: string, folders: readonly string[]): unknown[] {
  const given = [file('peers/audit_export.py'), '--pin', under, '--now', String(now), ...folders];
  const { stdout, stderr } = spawnSync(PYTHON, given, { encoding: 'utf8' });
  if (stderr !== '') throw new Error(stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const onPython = hasPython ? describe : describe.skip;
onPython('numbered logs in exports, by Python', () => {
  let said: unknown[];
  beforeAll(() => {
    said = judged(
      pin,
      cases.map((_, at) => folderOf(at)),
    );
  });

  it.each(cases.map(({ name, expected }, at) => ({ name, at, expected })))('are judged: $name', ({ at, expected }) => {
    expect(said[at]).toEqual(expected);
  });

  it('are refused under another pin', () => {
    const other = `sha256:${'0'.repeat(64)}`;
    expect(judged(other, [folderOf(0)])).toEqual([{ refused: 'pin_mismatch', check: 'root-pin' }]);
  });
});

/** What who knows one log alone says of the first, held against what the second log names. */
const ALONE: [string, RegExp][] = [
  ['a second log that names the first', /^ok 3 entries$/],
  ['a second log that names a first one of one entry', /^ok 1 entries$/],
  ['entries behind the head that the second log names', /^ok 5 entries$/],
  ['a first log without its end', /^refused: rollback/],
  ['another tree of the size that the second log names', /^refused: fork/],
  ['a larger tree that does not begin with the one that the second log names', /^refused: fork/],
  ['a first log under the key of the second', /^refused: checkpoint/],
  ['a size that the line does not sign', /^refused: checkpoint/],
  ['a line by the key of another log', /^refused: checkpoint/],
];
/** What the second log says of the first, as a note in a file. */
function namedNote(at: number): string {
  const bundle = cases[at]?.files['logs/vault-2/tile/entries/000.p/2'] ?? '';
  const [entry = new Uint8Array()] = parseEntryBundle(decodeBase64url(bundle), 2);
  const { obj } = JSON.parse(new TextDecoder().decode(entry)) as {
    obj: { before: { note: { origin: string; size: number; root: string; line: string } }[] };
  };
  const note = obj.before[0]?.note;
  if (note === undefined) throw new Error('the second log names no first one');
  const path = join(work, `note-${at}`);
  const text = encodeCheckpoint({ ...note, root: decodeBase64url(note.root) });
  writeFileSync(path, `${text}\n${note.line}\n`);
  return path;
}

const verifiers: [string, () => Promise<string[]>, boolean][] = [
  ['Python', () => Promise.resolve([PYTHON, file('peers/audit_verify.py')]), hasPython],
  ["Go's sumdb", async () => [await buildGo(work)], hasGo],
];
for (const [name, commandOf, isHere] of verifiers) {
  const onPeer = isHere ? describe : describe.skip;
  onPeer(`a first log beside the second, by ${name}`, () => {
    let command: string[];
    beforeAll(async () => {
      command = await commandOf();
    });

    it.each(ALONE)('is judged by its own key: %s', async (wanted, expected) => {
      const at = cases.findIndex((one) => one.name === wanted);
      const origin = cases[at]?.expected.logs[0]?.origin ?? '';
      const { publicJwk } = await loadSigner(keys['vault 1'], 'Ed25519');
      const key = encodeNoteKey(await noteKeyOf(origin, publicJwk));
      const [program = '', ...first] = command;
      const given = ['--key', key, '--older', namedNote(at), join(folderOf(at), 'logs/vault-1')];
      const { stdout, stderr } = spawnSync(program, [...first, ...given], { encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(stdout.trimEnd()).toMatch(expected);
    });
  });
}
