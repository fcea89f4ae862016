import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { flipBit } from '../../test/test-log.js';
import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import type { NoteKey } from './note-key.js';
import { encodeNoteKey, noteKeyOf, parseNoteKey } from './note-key.js';
import type { NoteSigner } from './note.js';
import { NOTE_MAX_BYTES, NOTE_SIGNATURES_MAX, parseNote, signNote, verifyNote } from './note.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';

/** The example of Go's package sumdb/note, which C2SP signed-note was written from. */
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const WISDOM =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

const TEXT = 'a log\n7\n\nof notes\n';
let log: NoteSigner;
let witness: NoteSigner;
let note: string;

beforeAll(async () => {
  log = await noteSigner('vault.example/log');
  witness = await noteSigner('witness.example');
  note = await signNote(TEXT, [log, witness]);
});

async function noteSigner(name: string): Promise<NoteSigner> {
  const pair = await generateKeyPair('ed25519', 'sig');
  return { key: await noteKeyOf(name, pair.publicJwk), signer: await loadSigner(pair.privateJwk, 'Ed25519') };
}

function expectMalformed(text: string): void {
  expect(() => parseNote(utf8(text))).toThrow(expect.objectContaining({ code: 'token_malformed' }));
}

describe('a note', () => {
  it('of Go verifies', async () => {
    const peter = await parseNoteKey(PETER);
    const { text, keys } = await verifyNote(utf8(WISDOM), [peter]);
    expect(text).toBe(WISDOM.slice(0, WISDOM.lastIndexOf('\n\n') + 1));
    expect(keys).toEqual([peter]);
  });

  it('of the Go checksum database verifies', async () => {
    const key = await parseNoteKey('sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8');
    const tree = 'go.sum database tree\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    const signature = 'Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=';
    const signed = `${tree}\n\u2014 sum.golang.org ${signature}\n`;
    await expect(verifyNote(utf8(signed), [key])).resolves.toMatchObject({ text: tree });
  });

  it('is the text, a blank line and a line for each signature', () => {
    const [first = '', second = ''] = note.slice(TEXT.length + 1).split('\n');
    expect(note.startsWith(`${TEXT}\n`)).toBe(true);
    expect(first).toMatch(/^\u2014 vault\.example\/log [A-Za-z0-9+/]{91}=$/);
    expect(second).toMatch(/^\u2014 witness\.example [A-Za-z0-9+/]{91}=$/);
  });

  it('names the known keys that signed it, and no others', async () => {
    const other = await noteSigner('other.example');
    const known = [witness.key, other.key, log.key];
    await expect(verifyNote(utf8(note), known)).resolves.toEqual({ text: TEXT, keys: [witness.key, log.key] });
    await expect(verifyNote(utf8(note), [log.key])).resolves.toEqual({ text: TEXT, keys: [log.key] });
  });

  it('counts a key that signed twice once', async () => {
    const twice = await signNote(TEXT, [log, log]);
    await expect(verifyNote(utf8(twice), [log.key])).resolves.toEqual({ text: TEXT, keys: [log.key] });
  });

  it('comes back whatever its text is', () =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (free) => {
        const text = `${free.toWellFormed().replaceAll(/\p{Cc}/gu, '\n')}\n`;
        const signed = utf8(await signNote(text, [log]));
        await expect(verifyNote(signed, [log.key])).resolves.toEqual({ text, keys: [log.key] });
      }),
      { numRuns: 100, examples: [[''], ['\n'], ['\n\n'], ['a\n\n\u2014 x AAAAAAA=']] },
    ));

  it('is refused after any bit was flipped', async () => {
    const bytes = utf8(await signNote('a log\n', [log]));
    const ends = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const end = verifyNote(flipBit(bytes, bit), [log.key]).then(() => `accepted with bit ${bit}`);
      ends.add(await end.catch((error: unknown) => (error as { code: string }).code));
    }
    expect([...ends].toSorted()).toEqual(['key_unknown', 'signature_invalid', 'token_malformed']);
  });

  it('is refused if no known key signed it [guard: note-unknown]', async () => {
    const other = await noteSigner('vault.example/log');
    await expect(verifyNote(utf8(note), [])).rejects.toMatchObject({ code: 'key_unknown' });
    await expect(verifyNote(utf8(note), [other.key])).rejects.toMatchObject({ code: 'key_unknown' });
    const renamed = { ...log.key, name: 'vault.example/other' };
    await expect(verifyNote(utf8(note), [renamed])).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('is refused if one signature of a known key is not good, beside those that are [guard: note-known-bad]', async () => {
    const forged = note.replace(/(?<=witness\.example )\S+/, (good) => encodeBase64(flipBit(decodeBase64(good), 100)));
    await expect(verifyNote(utf8(forged), [log.key, witness.key])).rejects.toMatchObject({ code: 'signature_invalid' });
    await expect(verifyNote(utf8(forged), [log.key])).resolves.toMatchObject({ keys: [log.key] });
  });

  it('is refused under the signatures of another [guard: note-signature]', async () => {
    const other = await signNote('a log\n8\n', [log]);
    const moved = TEXT + other.slice('a log\n8\n'.length);
    await expect(verifyNote(utf8(moved), [log.key])).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('tells two keys of one name and id apart', async () => {
    // Ids are four bytes: such a key can be searched for.
    const double: NoteKey = { ...witness.key, name: log.key.name, id: log.key.id };
    for (const known of [
      [double, log.key],
      [log.key, double],
    ])
      await expect(verifyNote(utf8(note), known)).resolves.toMatchObject({ keys: [log.key] });
  });
});

describe('parseNote reads', () => {
  it.each([
    ['a signature of one byte', 'x.example', 'AAAAAAA='],
    ['a signature of two bytes', 'x.example', 'AAAAAAAA'],
    ['a signature of three bytes', 'x.example', 'AAAAAAAAAA=='],
    ['a name of 256 characters', 'x'.repeat(256), 'AAAAAAA='],
  ])('%s', (_name, name, encoded) => {
    const [signature] = parseNote(utf8(`text\n\n\u2014 ${name} ${encoded}\n`)).signatures;
    expect(signature).toEqual({ name, id: '00000000', signature: decodeBase64(encoded).subarray(4) });
  });
});

describe('parseNote refuses', () => {
  const line = '\u2014 x.example AAAAAAA=';

  it.each([
    ['nothing', ''],
    ['a text alone', 'text\n'],
    ['a text without signatures', 'text\n\n'],
    ['signatures without a text', `${line}\n`],
    ['an empty line and signatures', `\n${line}\n`],
    ['signatures right below the text', `text\n${line}\n`],
    ['a last line that does not end', `text\n\n${line}`],
    ['an empty line between signatures', `text\n\n${line}\n\n${line}\n\n`],
    ['a hyphen for a dash', 'text\n\n- x.example AAAAAAA=\n'],
    ['two spaces', 'text\n\n\u2014 x.example  AAAAAAA=\n'],
    ['a word before a line', `text\n\nx ${line}\n`],
    ['a word at the end of a line', `text\n\n${line} x\n`],
    ['a name with a plus [guard: note-name]', 'text\n\n\u2014 x+example AAAAAAA=\n'],
    ['a name with a space', 'text\n\n\u2014 x\u00a0example AAAAAAA=\n'],
    ['a name that is too long', `text\n\n\u2014 ${'x'.repeat(257)} AAAAAAA=\n`],
    ['a signature of the id alone', 'text\n\n\u2014 x.example AAAAAA==\n'],
    ['a signature without padding', 'text\n\n\u2014 x.example AAAAAAA\n'],
    ['a signature with idle bits', 'text\n\n\u2014 x.example AAAAAAB=\n'],
    ['a tab [guard: note-control]', `te\txt\n\n${line}\n`],
    ['a carriage return', `text\r\n\n${line}\n`],
    ['a NUL', `te\0xt\n\n${line}\n`],
  ])('%s', (_name, text) => expectMalformed(text));

  it('bytes that are not UTF-8', () => {
    const bytes = Uint8Array.of(0xff, ...utf8(`\n\n${line}\n`));
    expect(() => parseNote(bytes)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('more signatures than a note has [guard: note-signatures]', () => {
    const most = `text\n\n${`${line}\n`.repeat(NOTE_SIGNATURES_MAX)}`;
    expect(parseNote(utf8(most)).signatures).toHaveLength(NOTE_SIGNATURES_MAX);
    expect(() => parseNote(utf8(`${most}${line}\n`))).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });

  it('more bytes than a note has [guard: note-size]', () => {
    const longest = utf8(`${'x'.repeat(NOTE_MAX_BYTES - utf8(`\n\n${line}\n`).length)}\n\n${line}\n`);
    expect(parseNote(longest).signatures).toHaveLength(1);
    expect(() => parseNote(concatBytes(utf8('x'), longest))).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });
});

describe('signNote refuses', () => {
  it.each([
    ['a text that does not end in a newline', 'text'],
    ['an empty text', ''],
    ['a carriage return', 'text\r\n'],
    ['half a character', 'a\ud800\n'],
  ])('%s', async (_name, text) => {
    await expect(signNote(text, [log])).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('to sign with nothing', async () => {
    await expect(signNote(TEXT, [])).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('a text that is too long', async () => {
    const rest = utf8(await signNote('\n', [log])).length;
    const longest = `${'x'.repeat(NOTE_MAX_BYTES - rest)}\n`;
    expect(utf8(await signNote(longest, [log]))).toHaveLength(NOTE_MAX_BYTES);
    await expect(signNote(`x${longest}`, [log])).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it('more signers than a note has signatures', async () => {
    const most = Array.from({ length: NOTE_SIGNATURES_MAX }, () => log);
    expect(parseNote(utf8(await signNote(TEXT, most))).signatures).toHaveLength(NOTE_SIGNATURES_MAX);
    await expect(signNote(TEXT, [...most, log])).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it("another one's signer [guard: note-signer]", async () => {
    const mixed = { key: log.key, signer: witness.signer };
    await expect(signNote(TEXT, [mixed])).rejects.toMatchObject({ code: 'key_invalid' });
  });

  // A signer may live in an HSM, whose word about its algorithm is all there is.
  it('a signer of another algorithm', async () => {
    const signer = { ...log.signer, alg: 'ES256' as const };
    await expect(signNote(TEXT, [{ key: log.key, signer }])).rejects.toMatchObject({ code: 'key_invalid' });
  });
});

describe('a note key', () => {
  it('is the same after it was handed on', async () => {
    expect(await parseNoteKey(encodeNoteKey(log.key))).toEqual(log.key);
    expect(encodeNoteKey(await parseNoteKey(PETER))).toBe(PETER);
  });

  it.each([
    ['nothing', ''],
    ['a name alone', 'x.example'],
    ['an id in capitals', PETER.replace('c74f20a3', 'C74F20A3')],
    ['a key that is too short', PETER.slice(0, -4)],
    ['a name with a space', PETER.replace('Peter', 'Peter ')],
    ['a key with more before its name', `x+${PETER}`],
    ['a key with more behind it', `${PETER}x`],
  ])('is refused as %s', async (_name, text) => {
    await expect(parseNoteKey(text)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it.each([
    ['another id [guard: note-key-id]', PETER.replace('c74f20a3', 'c74f20a4')],
    ['another name', PETER.replace('Peter', 'Paul')],
    ['another type [guard: note-key-type]', PETER.replace('+ARpc', '+BBpc')],
    ['a point of small order', `x+00000000+${encodeBase64(Uint8Array.of(1, ...new Uint8Array(32)))}`],
  ])('is refused with %s', async (_name, text) => {
    await expect(parseNoteKey(text)).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('is refused over an RSA key', async () => {
    const { publicJwk } = await generateKeyPair('rsa2048', 'sig');
    await expect(noteKeyOf('x.example', publicJwk)).rejects.toMatchObject({ code: 'key_invalid' });
    expect(() => encodeNoteKey({ ...log.key, jwk: publicJwk })).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
  });
});
