import { parseContent } from '@bulla/crypto';
import { expect, it } from '@jest/globals';
import { Secret } from '../src/encoding/secret.js';
import { openAs } from '../src/letters/open/letter.js';
import { STREAMED_LETTER } from '../src/letters/streamed-letter.js';
import { sealAttachment } from '../src/prompt/attachment.js';
import { sealContent } from '../src/prompt/content.js';
import { openAttachment } from '../src/prompt/open/attachment.js';
import { openContent } from '../src/prompt/open/content.js';
import { parseStatement, signStatement } from '../src/prompt/statement.js';
import { exampleStatement, promptOf } from './examples.js';
import { loadOrganisation } from './organisation.js';
import { gather, piecesOf } from './pieces.js';
import { openStream, sha256, sha256sum } from './raw-stream.js';
import { bytes } from './sealed-streams.js';
import { alice, bob, open, seal } from './streamed-letters.js';

/** What is signed of a file is what anybody's tool says of it (docs/spec/protocol.md, A7). */

const SIZES = [0, 3, 16_384, 100_003];

it.each(SIZES)('an opened streamed letter of %i bytes ends with what sha256sum prints of the file', async (size) => {
  const content = bytes(size);
  const file = Buffer.from(await seal(content));
  expect(await open(file)).toEqual({ content, end: 'complete' });
  const newline = file.indexOf('\n');
  const token = file.subarray(0, newline).toString();
  const { letter } = await openAs(STREAMED_LETTER, token, alice.unwrapper, bob.verifying);
  const text = openStream(file.subarray(newline + 1), Buffer.from(letter.content), sha256(token)).toString('latin1');
  const [, payload = ''] = text.slice(text.lastIndexOf('\n') + 1).split('.');
  const end: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
  expect(end).toMatchObject({ size, hash: sha256sum(Buffer.from(content)) });
});

it.each(SIZES)('a sealed statement lists what sha256sum prints of an attachment of %i bytes', async (size) => {
  const [content, acme] = [bytes(size), await loadOrganisation('acme')];
  const place = { org: acme.org, sub: promptOf(acme), ver: 3 };
  const { sealed, entry } = sealAttachment(piecesOf([content]), 'film.mkv', place);
  const stream = await gather(sealed);
  const claims = exampleStatement(acme, { attachments: [entry()] });
  const stored = await sealContent(await signStatement(claims, await acme.signer('owner')), place);
  const statement = await openContent(parseContent(stored.content), new Secret(stored.dek.reveal().slice()), place);
  const [listed = entry()] = parseStatement(statement).claims.attachments;
  expect(listed).toMatchObject({ size, hash: sha256sum(Buffer.from(content)) });
  expect(await gather(openAttachment(piecesOf([stream]), listed, place))).toEqual(content);
});
