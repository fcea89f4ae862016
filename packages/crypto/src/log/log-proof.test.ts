import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { flipBit, TestLog } from '../../test/test-log.js';
import { utf8 } from '../encoding/bytes.js';
import type { CheckpointTrust } from './checkpoint.js';
import { signCheckpoint } from './checkpoint.js';
import type { CryptoError } from '../names/errors.js';
import { encodeLogProof, LOG_PROOF_MAX_BYTES, parseLogProof, verifyLogProof } from './log-proof.js';
import { makeInclusionProof } from './merkle-proof.js';
import type { NoteSigner } from './note.js';
import { NOTE_MAX_BYTES } from './note.js';
import { noteKeyOf } from './note-key.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';

const ORIGIN = 'vault.example/bulla/audit/acme';
const SIZE = 21;
let log: TestLog;
let signer: NoteSigner;
let trust: CheckpointTrust;
let checkpoint: string;

beforeAll(async () => {
  log = await TestLog.counting(SIZE);
  const pair = await generateKeyPair('ed25519', 'sig');
  signer = { key: await noteKeyOf(ORIGIN, pair.publicJwk), signer: await loadSigner(pair.privateJwk, 'Ed25519') };
  trust = { origin: ORIGIN, keys: [signer.key] };
  checkpoint = await signCheckpoint(ORIGIN, log.head(SIZE), [signer]);
});

async function proofOf(index: number): Promise<string> {
  return encodeLogProof({ index, proof: await makeInclusionProof(index, SIZE, log.read), checkpoint });
}

const codeOf = async (text: string | Uint8Array, leaf = log.leaf(5)) =>
  verifyLogProof(typeof text === 'string' ? utf8(text) : text, leaf, trust).then(
    () => 'valid',
    (error: unknown) => (error as CryptoError).code,
  );

describe('a proof of a log', () => {
  it('shows any of its entries, offline', async () => {
    for (let index = 0; index < SIZE; index++) {
      const {
        checkpoint: head,
        keys,
        cosignatures,
        ...rest
      } = await verifyLogProof(utf8(await proofOf(index)), log.leaf(index), trust);
      expect(rest).toEqual({ index });
      expect([head.size, keys, cosignatures]).toEqual([SIZE, [signer.key], []]);
    }
  });

  it('is a line for its kind, its index and each hash, and the checkpoint', async () => {
    const lines = (await proofOf(5)).split('\n');
    expect(lines.slice(0, 2)).toEqual(['c2sp.org/tlog-proof@v1', 'index 5']);
    expect(lines.slice(2, 7).every((line) => /^[A-Za-z0-9+/]{43}=$/.test(line))).toBe(true);
    expect(lines.slice(7)).toEqual(['', ...checkpoint.split('\n')]);
  });

  it('of the only entry has no hash', async () => {
    const only = await TestLog.counting(1);
    const signed = await signCheckpoint(ORIGIN, only.head(1), [signer]);
    const text = encodeLogProof({ index: 0, proof: [], checkpoint: signed });
    expect(parseLogProof(utf8(text))).toEqual({ index: 0, proof: [], checkpoint: signed });
    await expect(verifyLogProof(utf8(text), only.leaf(0), trust)).resolves.toMatchObject({ index: 0 });
  });

  it('has room for the largest checkpoint and for a hash of each level', () => {
    const parts = { index: 0, proof: Array.from({ length: 53 }, () => new Uint8Array(32)) };
    const largest = { ...parts, checkpoint: 'x'.repeat(NOTE_MAX_BYTES) };
    expect(parseLogProof(utf8(encodeLogProof(largest)))).toEqual(largest);
    const filled = encodeLogProof({ ...parts, checkpoint: '' });
    const text = filled + 'x'.repeat(LOG_PROOF_MAX_BYTES - filled.length);
    expect(parseLogProof(utf8(text)).proof).toHaveLength(53);
    expect(() => parseLogProof(utf8(`${text}x`))).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });

  it('leaves out what another log added', async () => {
    const text = (await proofOf(5)).replace('index', 'extra YWdl\nindex');
    expect(await codeOf(text)).toBe('valid');
    expect(parseLogProof(utf8(text))).toEqual(parseLogProof(utf8(await proofOf(5))));
  });

  it('is refused for every other entry [guard: log-proof-inclusion]', async () => {
    const text = await proofOf(5);
    for (let index = 0; index < SIZE; index++)
      expect(await codeOf(text, log.leaf(index))).toBe(index === 5 ? 'valid' : 'log_inconsistent');
  });

  it('is refused after any bit was flipped', async () => {
    const bytes = utf8(await proofOf(5));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length * 8 - 1 }), async (bit) => {
        expect(await codeOf(flipBit(bytes, bit))).toMatch(
          /^(token_malformed|log_inconsistent|signature_invalid|key_unknown)$/,
        );
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, string, (text: string) => string]>([
    ['of another kind [guard: log-proof-kind]', 'token_malformed', (text) => text.replace('@v1', '@v2')],
    ['without its first line', 'token_malformed', (text) => text.slice(text.indexOf('\n') + 1)],
    ['of its first line alone', 'token_malformed', (text) => text.replace(/\n[^]*\n\n/, '\n\n')],
    ['with a word before its index', 'token_malformed', (text) => text.replace('index', 'x index')],
    ['without an index', 'token_malformed', (text) => text.replace('index 5\n', '')],
    ['with an index with a zero before it', 'token_malformed', (text) => text.replace('index 5', 'index 05')],
    ['with an index below zero', 'token_malformed', (text) => text.replace('index 5', 'index -5')],
    ['with an index that cannot be', 'token_malformed', (text) => text.replace('index 5', 'index 9007199254740992')],
    ['with another index', 'log_inconsistent', (text) => text.replace('index 5', 'index 4')],
    ['with an index behind the end', 'log_inconsistent', (text) => text.replace('index 5', 'index 21')],
    ['with a short hash', 'token_malformed', (text) => text.replace(/\n[^\n]{43}=/, `\n${'A'.repeat(40)}`)],
    ['with a hash less', 'log_inconsistent', (text) => text.replace(/\n[^\n]{43}=/, '')],
    [
      'with more hashes than a tree has levels',
      'token_malformed',
      (text) => text.replace('\n\n', `\n${`${'A'.repeat(43)}=\n`.repeat(60)}\n`),
    ],
    ['with extra data that are none', 'token_malformed', (text) => text.replace('index', 'extra !\nindex')],
    ['with extra data twice', 'token_malformed', (text) => text.replace('index', 'extra AA==\nextra AA==\nindex')],
    ['without a checkpoint', 'token_malformed', (text) => text.slice(0, text.indexOf('\n\n') + 2)],
    ['without an empty line', 'token_malformed', (text) => text.replace('\n\n', '\n')],
    ['that is empty', 'token_malformed', () => ''],
    [
      'that is too long [guard: log-proof-size]',
      'payload_too_large',
      (text) => text.replace('index', `extra ${'A'.repeat(LOG_PROOF_MAX_BYTES)}\nindex`),
    ],
  ])('is refused %s', async (_name, code, change) => {
    expect(await codeOf(change(await proofOf(5)))).toBe(code);
  });

  it.each([
    ['an index that cannot be', { index: -1, proof: [] }],
    ['a hash of 31 bytes', { index: 0, proof: [new Uint8Array(31)] }],
    ['more hashes than a tree has levels', { index: 0, proof: Array.from({ length: 54 }, () => new Uint8Array(32)) }],
  ])('is not written with %s', (_name, parts) => {
    expect(() => encodeLogProof({ ...parts, checkpoint })).toThrow(
      expect.objectContaining({ code: 'token_malformed' }),
    );
  });
});
