import { readFileSync } from 'node:fs';
import type { Attachment } from '@bulla/crypto';
import { sealAttachment } from '@bulla/crypto';
import { describe, expect, it } from '@jest/globals';
import { gather, piecesOf } from './pieces.js';
import { openStream, sha256sum } from './raw-stream.js';
import { readVectors } from './vectors.js';

interface Vector {
  readonly input: {
    readonly sealed: string;
    readonly attachment: Attachment;
    readonly sub: string;
    readonly ver: number;
  };
  readonly expected: { readonly ok: { readonly content: string } };
}

/** docs/spec/attachment.md by node:crypto; throws where the file is not the one that the entry says. */
function openByThePage(stream: Buffer, { id, key, size, hash }: Attachment, sub: string, ver: number): Buffer {
  const context = Buffer.from(['bulla-attachment', sub, String(ver), id].join('\n'));
  const content = openStream(stream, Buffer.from(key, 'base64url'), context);
  if (content.length !== size || sha256sum(content) !== hash) throw new Error('another file');
  return content;
}

describe('docs/spec/attachment.md', () => {
  const page = readFileSync(new URL('../../../docs/spec/attachment.md', import.meta.url), 'utf8');
  const { cases } = readVectors('attachment.json') as { cases: [Vector] };
  const [, entry = '', context, stream = ''] =
    /```json\n([^`]+)\n```[^`]+```text\n([^`]+)\n```[^`]+```text\n([^`]+)\n```/.exec(page) ?? [];

  it('shows the first vector, by which its text opens', () => {
    const [{ input, expected }] = cases;
    const shown = JSON.parse(entry) as Attachment;
    expect(shown).toStrictEqual(input.attachment);
    expect(context).toBe(`bulla-attachment\n${input.sub}\n${input.ver}\n${shown.id}`);
    expect(stream).toBe(input.sealed);
    const content = openByThePage(Buffer.from(stream, 'base64url'), shown, input.sub, input.ver);
    expect(content.toString('base64url')).toBe(expected.ok.content);
    expect(content.toString()).toBe('Section 4: water damage is covered.\n');
  });

  it.each([0, 1, 16_383, 16_384, 40_000])('says the length of a stream, of %i bytes', async (size) => {
    const place = { sub: 'urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25ggb', ver: 12 };
    const content = Buffer.alloc(size, 'bulla ');
    const { sealed, entry: made } = sealAttachment(piecesOf([content]), 'a', place);
    const bytes = Buffer.from(await gather(sealed));
    expect(bytes.length).toBe(size + 56 + 16 * (Math.floor(size / 16_384) + 1));
    expect(openByThePage(bytes, made(), place.sub, place.ver).equals(content)).toBe(true);
  });
});
