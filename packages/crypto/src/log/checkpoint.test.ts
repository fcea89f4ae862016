import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeBase64 } from '../encoding/base64.js';
import { utf8 } from '../encoding/bytes.js';
import type { CheckpointTrust } from './checkpoint.js';
import {
  CHECKPOINT_MAX_LENGTH,
  encodeCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
} from './checkpoint.js';
import { TREE_SIZE_MAX } from './merkle.js';
import type { NoteSigner } from './note.js';
import { signNote } from './note.js';
import { noteKeyOf } from './note-key.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';

const ORIGIN = 'vault.example/bulla/audit/acme';
const HEAD = { size: 42, root: new Uint8Array(32).fill(7) };
const ROOT = encodeBase64(HEAD.root);
const TEXT = `${ORIGIN}\n42\n${ROOT}\n`;
let log: NoteSigner;
let witness: NoteSigner;
let trust: CheckpointTrust;

beforeAll(async () => {
  log = await noteSigner(ORIGIN);
  witness = await noteSigner('witness.example');
  trust = { origin: ORIGIN, keys: [log.key, witness.key] };
});

async function noteSigner(name: string): Promise<NoteSigner> {
  const pair = await generateKeyPair('ed25519', 'sig');
  return { key: await noteKeyOf(name, pair.publicJwk), signer: await loadSigner(pair.privateJwk, 'Ed25519') };
}

describe('a checkpoint', () => {
  it('of C2SP tlog-checkpoint is read', () => {
    const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    const { origin, size, root, extensions } = parseCheckpoint(text);
    expect({ origin, size, extensions }).toEqual({
      origin: 'example.com/behind-the-sofa',
      size: 20_852_163,
      extensions: [],
    });
    expect(encodeCheckpoint({ origin, size, root })).toBe(text);
  });

  it('is three lines', () => expect(encodeCheckpoint({ origin: ORIGIN, ...HEAD })).toBe(TEXT));

  it('comes back for every size', () =>
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (size, bytes) => {
        const root = Uint8Array.from(bytes);
        expect(parseCheckpoint(encodeCheckpoint({ origin: ORIGIN, size, root }))).toEqual({
          origin: ORIGIN,
          size,
          root,
          extensions: [],
        });
      }),
      {
        examples: [
          [0, new Uint8Array(32)],
          [TREE_SIZE_MAX, new Uint8Array(32)],
        ],
      },
    ));

  it('hands on the lines that another log added', () => {
    expect(parseCheckpoint(`${TEXT}one\ntwo\n`)).toMatchObject({ size: 42, extensions: ['one', 'two'] });
  });

  it.each([
    ['without a root', `${ORIGIN}\n42\n`],
    ['with its origin alone', `${ORIGIN}\n`],
    ['with a line that does not end', `${TEXT}extra`],
    ['without its last newline', TEXT.slice(0, -1)],
    ['without an origin', TEXT.slice(ORIGIN.length)],
    ['with an empty line', `${TEXT}\n`],
    ['with an empty line before another [guard: checkpoint-lines]', `${TEXT}\nx\n`],
    ['with a leading zero [guard: checkpoint-size]', TEXT.replace('42', '042')],
    ['with a sign', TEXT.replace('42', '+42')],
    ['with a size below zero', TEXT.replace('42', '-1')],
    ['with half a leaf', TEXT.replace('42', '4.2')],
    ['with a size in hexadecimal', TEXT.replace('42', '0x2a')],
    ['with a size that cannot be counted to', TEXT.replace('42', '9007199254740992')],
    ['with a size of twenty digits', TEXT.replace('42', '18446744073709551615')],
    ['with a root that is too short [guard: checkpoint-root]', TEXT.replace(ROOT, encodeBase64(HEAD.root.slice(1)))],
    ['with a root that is too long', TEXT.replace(ROOT, encodeBase64(new Uint8Array(33)))],
    ['with a root that is not base64', TEXT.replace(ROOT, ROOT.replace('=', ''))],
  ])('is refused %s', (_name, text) => {
    expect(() => parseCheckpoint(text)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('is refused if it is too long', () => {
    const longest = TEXT + `${'x'.repeat(CHECKPOINT_MAX_LENGTH - TEXT.length - 1)}\n`;
    expect(parseCheckpoint(longest).extensions).toHaveLength(1);
    expect(() => parseCheckpoint(`x${longest}`)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });

  it.each([
    ['of no origin', { origin: '', ...HEAD }],
    ['of an origin with a newline', { origin: 'a\nb', ...HEAD }],
    ['of an origin with a space', { origin: 'a b', ...HEAD }],
    ['of a size that cannot be', { origin: ORIGIN, ...HEAD, size: 2 ** 53 }],
    ['of a root that is too short', { origin: ORIGIN, ...HEAD, root: new Uint8Array(31) }],
  ])('is not written %s', (_name, checkpoint) => {
    expect(() => encodeCheckpoint(checkpoint)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });
});

describe('a signed checkpoint', () => {
  it('is verified with the keys that signed it', async () => {
    const note = utf8(await signCheckpoint(ORIGIN, HEAD, [log]));
    const { checkpoint, keys } = await verifyCheckpoint(note, trust);
    expect(checkpoint).toEqual({ origin: ORIGIN, ...HEAD, extensions: [] });
    expect(keys).toEqual([log.key]);
  });

  it('counts the witnesses that signed it too', async () => {
    const note = utf8(await signNote(TEXT, [witness, log]));
    await expect(verifyCheckpoint(note, trust)).resolves.toMatchObject({ keys: [log.key, witness.key] });
  });

  it('is refused if only a witness signed it [guard: checkpoint-log]', async () => {
    const note = utf8(await signNote(TEXT, [witness]));
    await expect(verifyCheckpoint(note, trust)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('is refused if it is that of another log under the same key [guard: checkpoint-origin]', async () => {
    const note = utf8(await signNote(TEXT.replace('acme', 'evil'), [log]));
    await expect(verifyCheckpoint(note, trust)).rejects.toMatchObject({ code: 'log_inconsistent', check: 'origin' });
  });

  it('is refused if a log of another name signed it', async () => {
    const other = await noteSigner('vault.example/bulla/audit/evil');
    const note = utf8(await signNote(TEXT, [other]));
    const keys = [...trust.keys, other.key];
    await expect(verifyCheckpoint(note, { origin: ORIGIN, keys })).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('is refused if its text is none', async () => {
    const note = utf8(await signNote(`${ORIGIN}\n42\n`, [log]));
    await expect(verifyCheckpoint(note, trust)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('is not signed with a key of another name [guard: checkpoint-signer]', async () => {
    await expect(signCheckpoint(ORIGIN, HEAD, [log, witness])).rejects.toMatchObject({ code: 'key_invalid' });
  });
});
