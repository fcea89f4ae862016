import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Exchange } from '../../test/answers.js';
import { castOfMembers, exchange, tagOf } from '../../test/answers.js';
import type { Cast } from '../../test/exchange.js';
import { ask, chunkDeltas, envelopeClaims, reply } from '../../test/exchange.js';
import { headerFor, rawJws, withPart } from '../../test/raw-token.js';
import { parseEnvelope } from '../run/envelope.js';
import type { AnswerParts } from './evidence.js';
import { composeAnswer } from './evidence.js';
import { mintId } from '../names/ids.js';
import { parseFin } from '../run/reply.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { Verdict } from './verify-answer.js';
import { verifyAnswer } from './verify-answer.js';

let organisation: TestOrganisation;
let cast: Cast;
let made: Exchange;

beforeAll(async () => {
  organisation = await makeOrganisation();
  cast = await castOfMembers(organisation);
  made = await exchange(cast, organisation.author);
});

function verify(parts: AnswerParts): Promise<Verdict> {
  return verifyAnswer(composeAnswer(parts), { pin: organisation.pin, now: cast.now + 60 });
}

describe('envelope and reply in answer.json', () => {
  it.each<[string, () => Partial<AnswerParts>, string]>([
    [
      'an envelope whose end was moved to before its key [guard: answer-signatures-first]',
      () => ({ envelope: withPart(made.parts.envelope, 1, { ...parseEnvelope(made.parts.envelope).claims, exp: 1 }) }),
      'envelope-signature',
    ],
    [
      'a reply whose time was moved to before its envelope',
      () => ({ fin: withPart(made.parts.fin, 1, { ...parseFin(made.parts.fin).claims, iat: 1 }) }),
      'reply-signature',
    ],
  ])('are not believed before their signatures are good: %s', async (_name, change, check) => {
    expect(await verify({ ...made.parts, ...change() })).toMatchObject({
      valid: false,
      failure: { code: 'signature_invalid', check },
    });
  });

  it.each<[string, (by: TestOrganisation['author']) => Promise<Partial<AnswerParts>>, string, string]>([
    [
      'envelope',
      async ({ signer }) => {
        const { claims } = parseEnvelope(made.parts.envelope);
        return { envelope: await rawJws(headerFor('bulla-envelope+jwt', signer), claims, signer) };
      },
      'key_unknown',
      'envelope-key',
    ],
    [
      'reply',
      async ({ signer }) => {
        const { claims } = parseFin(made.parts.fin);
        return { fin: await rawJws(headerFor('bulla-reply-fin+jwt', signer), claims, signer) };
      },
      'responder_key_changed',
      'reply-key',
    ],
  ])('are refused by name when nobody who is listed signed the %s', async (_name, change, code, check) => {
    const stranger = await organisation.makeDevice('stranger', { roles: ['author'], groups: [] });
    expect(await verify({ ...made.parts, ...(await change(stranger)) })).toMatchObject({
      valid: false,
      failure: { code, check },
    });
  });

  it('are refused when the reply names its directory by another version', async () => {
    const dir = { ...cast.trust.directoryRef, ver: 9 };
    const { parts } = await exchange(cast, organisation.author, { fin: { dir } });
    expect(await verify(parts)).toMatchObject({
      valid: false,
      failure: { code: 'envelope_tampered', check: 'reply-directory' },
    });
  });
});

describe('the question in answer.json', () => {
  it('may be dated after the reply, by as much as clocks may differ', async () => {
    expect(await verifyQuestion({ asked: 65 })).toMatchObject({ valid: true });
  });

  it('is judged at its own end, however late the reply was', async () => {
    const ending = await makeOrganisation();
    const { pin, now, author, invoker } = ending;
    await ending.publish((draft) => draft.entities[invoker.urn]?.keys.forEach((key) => (key.use_until = now)));
    const { parts, asked } = await exchange(await castOfMembers(ending), author, { fin: { iat: now + 1800 } });
    const file = composeAnswer({ ...parts, invocation: asked.sealed.inner });
    expect(await verifyAnswer(file, { pin, now: now + 7200 })).toMatchObject({ valid: true });
  });

  it.each<[string, QuestionChange, string, string]>([
    ['was asked one second further after it was answered', { asked: 66 }, 'clock_skew', 'invocation-time'],
    [
      'was not the one that was answered [guard: answer-question-id]',
      { answered: mintId('inv') },
      'envelope_tampered',
      'invocation-id',
    ],
    ['comes from a device that may not ask', { asker: 'author' }, 'forbidden', 'asker-role'],
    ['is signed by another device than the envelope names', { signer: 'owner' }, 'envelope_tampered', 'asker-key'],
    [
      'names a newer directory than the reply [guard: answer-asker]',
      { dir: { ver: 2, hash: 'A'.repeat(43) } },
      'trust_expired',
      'asker-directory',
    ],
  ])('is refused when it %s', async (_name, change, code, check) => {
    expect(await verifyQuestion(change)).toMatchObject({ valid: false, failure: { code, check } });
  });

  interface QuestionChange {
    /** Seconds after the envelope; the reply is signed 5 after it. */
    readonly asked?: number;
    /** Id of the question that the reply names. */
    readonly answered?: string;
    readonly asker?: 'author';
    readonly signer?: 'owner';
    readonly dir?: { readonly ver: number; readonly hash: string };
  }

  async function verifyQuestion(change: QuestionChange): Promise<Verdict> {
    const { asked: seconds = 0, dir = cast.trust.directoryRef } = change;
    const asker = organisation[change.asker ?? 'invoker'];
    const by = { ...cast, asker };
    const envelope = envelopeClaims(by);
    const signed =
      change.signer === undefined ? by : { ...by, asker: { ...asker, signer: organisation[change.signer].signer } };
    const iat = cast.now + seconds;
    const asked = await ask(signed, envelope, { iat, exp: iat + 60, dir });
    const named = { ...asked, question: { ...asked.question, jti: change.answered ?? asked.question.jti } };
    const { head, deltas, fin } = await reply(by, named, chunkDeltas(['Call the plumber.']));
    const tags = [await tagOf(by, envelope, organisation.author)];
    const { documents } = cast.trust;
    const { envelopeToken, sealed } = asked;
    return verify({ documents, tags, envelope: envelopeToken, invocation: sealed.inner, head, deltas, fin });
  }
});
