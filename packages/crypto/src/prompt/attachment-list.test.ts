import { describe, expect, it } from '@jest/globals';
import type { Attachment } from './attachment.js';
import { ATTACHMENTS_MAX, attachmentsSchema } from './attachment.js';
import { encodeBase64url } from '../encoding/bytes.js';

describe('a list of attachments', () => {
  const bytes32 = (byte: number) => encodeBase64url(new Uint8Array(32).fill(byte));
  const entryOf = (at: number): Attachment => ({ id: `file-${at}`, key: bytes32(at), size: at, hash: bytes32(0) });
  const list = (length: number) => Array.from({ length }, (_, at) => entryOf(at));

  it('may have none, and 64', () => {
    for (const length of [0, 1, 2, ATTACHMENTS_MAX])
      expect(attachmentsSchema.safeParse(list(length))).toMatchObject({ success: true });
  });

  it.each<[string, () => unknown]>([
    ['more than 64 [guard: attachments-most]', () => list(ATTACHMENTS_MAX + 1)],
    ['two of one name [guard: attachments-one-name]', () => [entryOf(1), { ...entryOf(2), id: 'file-1' }]],
    ['two under one key [guard: attachments-one-key]', () => [entryOf(1), { ...entryOf(1), id: 'file-2' }]],
    ['a name that is none', () => [{ ...entryOf(1), id: 'a/b' }]],
    ['the folder as a name', () => [{ ...entryOf(1), id: '.' }]],
    ['the folder above as a name [guard: attachment-id-dots]', () => [{ ...entryOf(1), id: '..' }]],
    ['a key of 31 bytes', () => [{ ...entryOf(1), key: 'A'.repeat(42) }]],
    ['a hash in another spelling', () => [{ ...entryOf(1), hash: `${'A'.repeat(42)}B` }]],
    ['a size below zero', () => [{ ...entryOf(1), size: -1 }]],
    ['a size with a fraction', () => [{ ...entryOf(1), size: 0.5 }]],
    ['a size of 64 TiB', () => [{ ...entryOf(1), size: 2 ** 46 }]],
    ['a member more', () => [{ ...entryOf(1), type: 'application/pdf' }]],
    ['a member less', () => [{ id: 'file-1', key: entryOf(1).key, size: 1 }]],
    ['no list', () => ({})],
  ])('may not have %s', (_name, value) => {
    expect(attachmentsSchema.safeParse(value())).toMatchObject({ success: false });
  });

  it('may have a file of a byte less than 64 TiB', () => {
    expect(attachmentsSchema.safeParse([{ ...entryOf(1), size: 2 ** 46 - 1 }])).toMatchObject({ success: true });
  });
});
