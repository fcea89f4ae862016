import { decodeBase64url, decodeUtf8, encodeBase64url, newStreamKey, sealChunks, Secret, utf8 } from '@bulla/crypto';
import { parseLocked } from '@bulla/crypto/key-files';
import { parseNoteKey, verifyCheckpoint, verifyConsistency, verifyInclusion } from '@bulla/crypto/log';
import { openChunks, openLocked } from '@bulla/crypto/open';
import type { Format } from './format.js';
import { gather, once } from './pieces.js';

interface Head {
  readonly size: number;
  readonly root: string;
}
const headOf = ({ size, root }: Head) => ({ size, root: decodeBase64url(root) });

/** docs/spec/note.md: a checkpoint of a log. */
export const notes = {
  async verify({ note, origin, keys }: { note: string; origin: string; keys: string[] }) {
    const verified = await verifyCheckpoint(utf8(note), { origin, keys: await Promise.all(keys.map(parseNoteKey)) });
    const { size, root } = verified.checkpoint;
    return { keys: verified.keys.map(({ name }) => name), size, root: encodeBase64url(root) };
  },
} satisfies Format;

/** docs/spec/merkle.md */
export const inclusions = {
  async verify({ leaf, index, head, proof }: { leaf: string; index: number; head: Head; proof: string[] }) {
    const claim = { leaf: decodeBase64url(leaf), index, head: headOf(head), proof: proof.map(decodeBase64url) };
    await verifyInclusion(claim);
    return {};
  },
} satisfies Format;

/** docs/spec/merkle.md */
export const consistencies = {
  async verify({ older, newer, proof }: { older: Head; newer: Head; proof: string[] }) {
    await verifyConsistency({ older: headOf(older), newer: headOf(newer), proof: proof.map(decodeBase64url) });
    return {};
  },
} satisfies Format;

/** docs/spec/chunked.md */
export const streams = {
  async seal({ content, context }: { content: string; context: string }) {
    const key = newStreamKey();
    const sealed = await gather(sealChunks(once(decodeBase64url(content)), { key, context: utf8(context) }));
    return { sealed: encodeBase64url(sealed), key: encodeBase64url(key.reveal()) };
  },
  async open({ sealed, key, context }: { sealed: string; key: string; context: string }) {
    const options = { key: new Secret(decodeBase64url(key)), context: utf8(context) };
    return { content: encodeBase64url(await gather(openChunks(once(decodeBase64url(sealed)), options))) };
  },
} satisfies Format;

/** docs/spec/locked-key.md, once the passphrase is stretched. */
export const lockedKeys = {
  async open({ token, key }: { token: string; key: string }) {
    return { plaintext: decodeUtf8(await openLocked(parseLocked(token), new Secret(decodeBase64url(key)))) };
  },
} satisfies Format;
