import { beforeAll, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange, tagOf } from '../../test/answers.js';
import type { Cast } from '../../test/exchange.js';
import { ask, envelopeClaims, reply } from '../../test/exchange.js';
import { utf8 } from '../encoding/bytes.js';
import type { AnswerParts } from './evidence.js';
import { composeAnswer } from './evidence.js';
import { fingerprint } from '../keys/fingerprint.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { verifyAnswer } from './verify-answer.js';

let organisation: TestOrganisation;
let cast: Cast;
let parts: AnswerParts;

beforeAll(async () => {
  organisation = await makeOrganisation({ quorums: { directory: { keys: 2, threshold: 1 } } });
  cast = await castOfMembers(organisation);
  ({ parts } = await exchange(cast, organisation.author));
});

/** What one check says of an answer. */
async function detailOf(name: string, change: Partial<AnswerParts> = {}, now = cast.now + 60): Promise<string> {
  const file = composeAnswer({ ...parts, ...change });
  const { checks } = await verifyAnswer(file, { pin: organisation.pin, now });
  return checks.find((check) => check.name === name)?.detail ?? '';
}

const EXPIRED = ', expired when the question was asked';

describe('what verifyAnswer says of an answer', () => {
  it.each([
    ['nothing of an end before it', -1, ''],
    ['that they have expired from that second on', 0, ', expired since'],
  ])('names the documents and says %s', async (_name, seconds, end) => {
    const { trust } = organisation;
    expect(await detailOf('trust', {}, trust.expiresAt + seconds)).toBe(
      `policy 1 and directory 1 of acme, issued ${trust.directory.issued}${end}, under development root 1 of 1`,
    );
  });

  it('counts the signatures of all documents', async () => {
    expect(await detailOf('document-signatures')).toBe('all 4 signatures of the documents are good');
  });

  it.each([
    [[], '0 pieces', 0],
    [['\n'], '1 piece', 1],
    [['\n', '\n'], '2 pieces', 2],
  ])('counts the pieces of %j', async (texts, pieces, bytes) => {
    const envelope = envelopeClaims(cast);
    const asked = await ask(cast, envelope);
    const { head, deltas, fin } = await reply(cast, asked, texts.map(utf8));
    const tags = [await tagOf(cast, envelope, organisation.author)];
    const answered = { head, deltas, fin, tags, envelope: asked.envelopeToken };
    expect(await detailOf('deltas', answered)).toBe(pieces);
    const { urn, signer } = cast.responder;
    const by = `signed by ${urn} with key ${fingerprint(signer.kid)}`;
    expect(await detailOf('reply', answered)).toBe(`${by} over ${pieces}, ${bytes} bytes, finish stop`);
  });

  // A tag is no longer taken in the second of its `exp`.
  it.each([
    ['nothing of their end, a second after', 1, ''],
    ['that they had expired, in the very second when', 0, EXPIRED],
    ['that they had expired, a second before', -1, EXPIRED],
  ])('tells what the tags show, and %s the question was asked', async (_name, seconds, said) => {
    const envelope = envelopeClaims(cast);
    const tags = [await tagOf(cast, envelope, organisation.author, { exp: envelope.iat + seconds })];
    const made = await exchange(cast, organisation.author, { envelope, tags });
    const detail = `claims/triage version 3 bore the label latest; 1 signed it${said}`;
    expect(await detailOf('tags', made.parts)).toBe(detail);
  });
});
