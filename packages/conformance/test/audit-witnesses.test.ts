import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateKeyPair, loadSigner, utf8 } from '@bulla/crypto';
import type { NoteSigner, WitnessSigner } from '@bulla/crypto/log';
import { cosignCheckpoint, encodeNoteKey, noteKeyOf, signCheckpoint, witnessKeyOf } from '@bulla/crypto/log';
import type { TiledLog } from '@bulla/crypto/testing';
import { makeTiledLog } from '@bulla/crypto/testing';
import { folderForTest } from '@bulla/testkit';
import { beforeAll, describe, expect, it } from '@jest/globals';

// What witnesses saw of a log, as an independent verifier reads it from an exported folder.

const PYTHON = '/usr/bin/python3';
const PEER = fileURLToPath(new URL('../peers/audit_verify.py', import.meta.url));
const ORIGIN = 'urn:bulla:acme:svc:vault/audit/1';
const AT = 1_795_608_000;
const describeWithPython = spawnSync(PYTHON, ['-c', 'import cryptography']).status === 0 ? describe : describe.skip;

let signer: NoteSigner;
let witnesses: readonly [WitnessSigner, WitnessSigner];
let older: TiledLog;
let newer: TiledLog;
beforeAll(async () => {
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  signer = { key: await noteKeyOf(ORIGIN, publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
  witnesses = [await witnessOf('w1'), await witnessOf('w2')];
  const entries = Array.from({ length: 300 }, (_, index) => utf8(`{"index":${index}}`));
  older = await makeTiledLog(entries.slice(0, 257), signer);
  newer = await makeTiledLog(entries, signer);
});

async function witnessOf(name: string): Promise<WitnessSigner> {
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  return { key: await witnessKeyOf(name, publicJwk), signer: await loadSigner(privateJwk, 'Ed25519') };
}

const cosigned = async ({ files }: TiledLog, by: WitnessSigner) =>
  cosignCheckpoint(files.get('checkpoint') ?? new Uint8Array(), AT, by);

/** What the verifier says of the newer log with these checkpoints beside its own. */
function verdict(witnessed: readonly string[], quorum = 2): string {
  const folder = folderForTest('witnessed');
  const all = [...newer.files, ...witnessed.map((note, index) => [`witnessed/${index}`, utf8(note)] as const)];
  for (const [path, bytes] of all) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  const keys = witnesses.flatMap(({ key }) => ['--witness', encodeNoteKey(key)]);
  const options = ['--key', encodeNoteKey(signer.key), ...keys, '--quorum', String(quorum)];
  const { stdout, stderr } = spawnSync(PYTHON, [PEER, ...options, folder], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.trim();
}

describeWithPython('a log with witnesses, by Python', () => {
  it('is witnessed as far as each of the quorum has seen it', async () => {
    const notes = [await cosigned(newer, witnesses[0]), await cosigned(older, witnesses[1])];
    expect(verdict(notes)).toBe('ok 300 entries, witnessed to 257');
    expect(verdict(notes, 1)).toBe('ok 300 entries, witnessed to 300');
  });

  it('is refused where too few have seen it, or one of them twice', async () => {
    const once = await cosigned(newer, witnesses[0]);
    expect(verdict([])).toBe('refused: quorum: 0 of 2 witnesses');
    expect(verdict([once, await cosigned(older, witnesses[0])])).toBe('refused: quorum: 1 of 2 witnesses');
    expect(verdict([once, await cosigned(newer, await witnessOf('w2'))])).toBe('refused: quorum: 1 of 2 witnesses');
  });

  it('is refused where a cosignature is not of the witness', async () => {
    const note = await cosigned(newer, witnesses[0]);
    const [encoded = ''] = /\S+(?=\n$)/.exec(note) ?? [];
    const raw = Buffer.from(encoded, 'base64');
    raw.writeUInt8(raw.readUInt8(11) ^ 1, 11);
    expect(verdict([note.replace(encoded, raw.toString('base64'))])).toBe(
      'refused: checkpoint: the signature is not good',
    );
  });

  it('is refused where a witness saw another log, or more of it', async () => {
    const other = async (size: number) => {
      const note = await signCheckpoint(ORIGIN, { size, root: new Uint8Array(32).fill(7) }, [signer]);
      return cosignCheckpoint(utf8(note), AT, witnesses[0]);
    };
    expect(verdict([await other(257)], 1)).toMatch(/^refused: fork/);
    expect(verdict([await other(301)], 1)).toMatch(/^refused: rollback/);
  });
});
