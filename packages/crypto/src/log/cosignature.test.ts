import { beforeAll, describe, expect, it } from '@jest/globals';
import { flipBit } from '../../test/test-log.js';
import { noteSigner, witnessSigner } from '../../test/note-signer.js';
import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import type { CheckpointTrust } from './checkpoint.js';
import { cosignCheckpoint, signCheckpoint, verifyCheckpoint } from './checkpoint.js';
import type { WitnessSigner } from './cosignature.js';
import type { NoteSigner } from './note.js';
import { NOTE_SIGNATURES_MAX, signatureLine, signNote } from './note.js';
import { encodeNoteKey, parseNoteKey, parseWitnessKey } from './note-key.js';

const ORIGIN = 'urn:bulla:acme:svc:vault/audit/1';
const AT = 1_795_608_000;
const HEAD = { size: 42, root: new Uint8Array(32).fill(7) };
let log: NoteSigner;
let first: WitnessSigner;
let second: WitnessSigner;
let trust: CheckpointTrust;
let checkpoint: string;

beforeAll(async () => {
  log = await noteSigner(ORIGIN);
  first = await witnessSigner('witness.example/w1');
  second = await witnessSigner('witness.example/w2');
  trust = { origin: ORIGIN, keys: [log.key], witnesses: [first.key, second.key] };
  checkpoint = await signCheckpoint(ORIGIN, HEAD, [log]);
});

const verify = (note: string) => verifyCheckpoint(utf8(note), trust);
const cosign = async (at: number, ...witnesses: WitnessSigner[]) => {
  let note = checkpoint;
  for (const witness of witnesses) note = await cosignCheckpoint(utf8(note), at, witness);
  return note;
};

describe('a cosignature', () => {
  it('is a line with the key, the time and the signature over both', async () => {
    const [, line = ''] = (await cosign(AT, first)).split(checkpoint);
    const [, encoded = ''] = /^\u2014 witness\.example\/w1 (\S+)\n$/.exec(line) ?? [];
    const bytes = decodeBase64(encoded);
    expect(bytes).toHaveLength(4 + 8 + 64);
    expect(new DataView(bytes.buffer).getBigUint64(4)).toBe(BigInt(AT));
    const message = utf8(`cosignature/v1\ntime ${AT}\n${checkpoint.slice(0, checkpoint.indexOf('\n\n') + 1)}`);
    expect(bytes.slice(12)).toEqual(await first.signer.sign(message));
  });

  it('says which witness saw the checkpoint, and when', async () => {
    const { keys, cosignatures } = await verify(await cosign(AT, second, first));
    expect(keys).toEqual([log.key]);
    expect(cosignatures).toEqual([
      { witness: second.key, at: AT },
      { witness: first.key, at: AT },
    ]);
  });

  it('of a witness that nobody asked for counts for nothing', async () => {
    const stranger = await witnessSigner('witness.example/w3');
    await expect(verify(await cosign(AT, stranger))).resolves.toMatchObject({ cosignatures: [] });
    const unasked = await verifyCheckpoint(utf8(await cosign(AT, first)), { origin: ORIGIN, keys: [log.key] });
    expect(unasked.cosignatures).toEqual([]);
  });

  it('does not stand for the log', async () => {
    const text = checkpoint.slice(0, checkpoint.indexOf('\n\n') + 1);
    const bySomebody = await signNote(text, [await noteSigner('other.example')]);
    const note = await cosignCheckpoint(utf8(bySomebody), AT, first);
    await expect(verify(note)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('is refused with another time, and after any bit of it was flipped', async () => {
    const note = await cosign(AT, first);
    const [encoded = ''] = /\S+\n$/.exec(note) ?? [];
    const bytes = decodeBase64(encoded.trim());
    for (let bit = 32; bit < bytes.length * 8; bit += 5) {
      const flipped = note.replace(encoded, `${encodeBase64(flipBit(bytes, bit))}\n`);
      await expect(verify(flipped)).rejects.toMatchObject({ code: 'signature_invalid' });
    }
  });

  it.each([0, 7, 8])('of %i bytes is refused', async (length) => {
    const short = checkpoint + signatureLine(first.key, new Uint8Array(length).fill(1));
    const code = length === 0 ? 'token_malformed' : 'signature_invalid';
    await expect(verify(short)).rejects.toMatchObject({ code });
  });

  it('of a time that cannot be counted to is refused [guard: cosignature-time]', async () => {
    const time = new Uint8Array(8);
    new DataView(time.buffer).setBigUint64(0, 2n ** 53n);
    const text = checkpoint.slice(0, checkpoint.indexOf('\n\n') + 1);
    const signature = await first.signer.sign(utf8(`cosignature/v1\ntime ${2 ** 53}\n${text}`));
    const note = checkpoint + signatureLine(first.key, concatBytes(time, signature));
    await expect(verify(note)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('is refused under another checkpoint', async () => {
    const other = await signCheckpoint(ORIGIN, { ...HEAD, size: 43 }, [log]);
    const [, line = ''] = (await cosign(AT, first)).split(checkpoint);
    await expect(verify(other + line)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('is made for checkpoints alone', async () => {
    const note = await signNote('a letter\n', [log]);
    await expect(cosignCheckpoint(utf8(note), AT, first)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('is made by the holder of the key alone', async () => {
    const other = { key: first.key, signer: second.signer };
    await expect(cosignCheckpoint(utf8(checkpoint), AT, other)).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('is not added where a note has no room for it', async () => {
    const full = await signCheckpoint(
      ORIGIN,
      HEAD,
      Array.from({ length: NOTE_SIGNATURES_MAX }, () => log),
    );
    await expect(cosignCheckpoint(utf8(full), AT, first)).rejects.toMatchObject({ code: 'payload_too_large' });
  });
});

describe('the key of a witness', () => {
  it('comes back', async () => {
    const text = encodeNoteKey(first.key);
    expect(await parseWitnessKey(text)).toEqual(first.key);
    expect(decodeBase64(text.split('+').slice(2).join('+'))[0]).toBe(0x04);
  });

  it('is no key of a log, nor the other way round', async () => {
    await expect(parseNoteKey(encodeNoteKey(first.key))).rejects.toMatchObject({ code: 'key_invalid' });
    await expect(parseWitnessKey(encodeNoteKey(log.key))).rejects.toMatchObject({ code: 'key_invalid' });
  });
});
