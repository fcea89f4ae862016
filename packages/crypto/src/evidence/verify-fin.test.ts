import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Answered, Asked, Cast } from '../../test/exchange.js';
import { ask, castOf, chatEnvelopeClaims, envelopeClaims, irtOf, reply } from '../../test/exchange.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { flipped, headerFor, rawJws } from '../../test/raw-token.js';
import { utf8 } from '../encoding/bytes.js';
import { fingerprint } from '../keys/fingerprint.js';
import { buildHead } from '../run/frames.js';
import type { FinContext } from '../run/reply.js';
import { parseFin, verifyFin } from '../run/reply.js';

const deltas = [utf8('one'), utf8('two')];
const OTHER_HASH = 'A'.repeat(43);

let acme: TestOrganisation;
let cast: Cast;
let asked: Asked;
let answered: Answered;
let context: FinContext;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  cast = await castOf(acme);
  asked = await ask(cast);
  answered = await reply(cast, asked, deltas);
  context = contextOf(asked, answered);
});

function contextOf(of: Asked, { head, fin }: Answered): FinContext {
  const { n, bytes, sha256 } = parseFin(fin).claims;
  return {
    trust: acme.trust,
    now: NOW + 10,
    envelope: of.envelope,
    envelopeToken: of.envelopeToken,
    irt: { ...irtOf(of), ih: of.sealed.ih },
    head,
    transcript: { n, bytes, sha256 },
  };
}

/** The fin with members replaced, signed by the responder. */
async function signed(change: object): Promise<string> {
  const { claims } = parseFin(answered.fin);
  const signer = cast.responder.signer;
  return rawJws(headerFor('bulla-reply-fin+jwt', signer), { ...claims, ...change }, signer);
}

describe('verifyFin', () => {
  it('accepts the reply to what was asked and returns what it says', async () => {
    expect(await verifyFin(answered.fin, context)).toEqual(parseFin(answered.fin).claims);
  });

  it('accepts it without the inner question at hand', async () => {
    await expect(verifyFin(answered.fin, { ...context, irt: irtOf(asked) })).resolves.toBeDefined();
  });

  it('accepts a reply under an older or a newer directory: evidence names it', async () => {
    const fin = await signed({ dir: { ver: 2, hash: OTHER_HASH } });
    await expect(verifyFin(fin, context)).resolves.toMatchObject({ dir: { ver: 2 } });
  });

  it('accepts the reply to a chat', async () => {
    const chat = await ask(cast, chatEnvelopeClaims(cast));
    const chatted = await reply(cast, chat, deltas);
    await expect(verifyFin(chatted.fin, contextOf(chat, chatted))).resolves.toMatchObject({ purpose: 'chat.reply' });
  });

  it.each<[string, () => object, string]>([
    ['another issuer [guard: reply-issuer]', () => ({ iss: acme.urn('us1') }), 'reply-issuer'],
    ['another asker [guard: reply-audience]', () => ({ aud: acme.urn('owner') }), 'reply-audience'],
    [
      'another question [guard: reply-question-id]',
      () => ({ irt: irt({ jti: 'inv_01kbz2p8e4fxq9m3y7t5w6v8na' }) }),
      'reply-question-id',
    ],
    [
      'another sealing of the question [guard: reply-question-sealed]',
      () => ({ irt: irt({ rh: OTHER_HASH }) }),
      'reply-question-sealed',
    ],
    [
      'another content of the question [guard: reply-question-signed]',
      () => ({ irt: irt({ ih: OTHER_HASH }) }),
      'reply-question-signed',
    ],
    ['another envelope [guard: reply-envelope]', () => ({ env: OTHER_HASH }), 'reply-envelope'],
    ['another prompt [guard: reply-prompt-id]', () => ({ prm: prm({ id: acme.prompts[1] }) }), 'reply-prompt-id'],
    ['another name [guard: reply-prompt-name]', () => ({ prm: prm({ name: 'claims/other' }) }), 'reply-prompt-name'],
    ['another version [guard: reply-prompt-version]', () => ({ prm: prm({ ver: 4 }) }), 'reply-prompt-version'],
    ['another content [guard: reply-content]', () => ({ prm: prm({ chash: OTHER_HASH }) }), 'reply-content'],
    [
      'another head [red: another responder signed one] [guard: reply-head]',
      () => ({ head: OTHER_HASH }),
      'reply-head',
    ],
    ['another count of frames [guard: reply-frame-count]', () => ({ n: 3 }), 'reply-frame-count'],
    ['another count of bytes [guard: reply-bytes]', () => ({ bytes: 7 }), 'reply-bytes'],
    ['another transcript [guard: reply-transcript]', () => ({ sha256: OTHER_HASH }), 'reply-transcript'],
  ])('refuses a fin about %s', async (_name, change, check) => {
    await expect(verifyFin(await signed(change()), context)).rejects.toMatchObject({
      code: 'envelope_tampered',
      check,
    });
  });

  it('refuses the reply to a chat for a prompt [guard: reply-purpose]', async () => {
    const { prm: _prm, ...rest } = parseFin(answered.fin).claims as Extract<
      ReturnType<typeof parseFin>['claims'],
      { purpose: 'prompt.reply' }
    >;
    const signer = cast.responder.signer;
    const fin = await rawJws(headerFor('bulla-reply-fin+jwt', signer), { ...rest, purpose: 'chat.reply' }, signer);
    await expect(verifyFin(fin, context)).rejects.toMatchObject({ code: 'envelope_tampered', check: 'reply-purpose' });
  });

  it('refuses a head that names another issuer than the fin [guard: reply-head-issuer]', async () => {
    const head = buildHead(acme.urn('us1'), irtOf(asked));
    await expect(verifyFin(answered.fin, { ...context, head })).rejects.toMatchObject({ check: 'reply-head-issuer' });
  });

  it('refuses a reply from the future [guard: reply-future]', async () => {
    const fin = await signed({ iat: NOW + 71 });
    await expect(verifyFin(fin, context)).rejects.toMatchObject({ code: 'clock_skew', check: 'reply-time' });
  });

  it('refuses a fork of the directory [guard: reply-fork]', async () => {
    const fin = await signed({ dir: { ver: 1, hash: OTHER_HASH } });
    await expect(verifyFin(fin, context)).rejects.toMatchObject({ code: 'trust_rollback', check: 'reply-directory' });
  });

  describe('refuses a key that is not the responder’s with both fingerprints', () => {
    it.each(['us1', 'asker', 'vault'])('when %s signed [guard: reply-key-holder]', async (who) => {
      const { fin } = await reply(cast, asked, deltas, {}, await acme.signer(who));
      const refused = verifyFin(fin, context);
      await expect(refused).rejects.toMatchObject({ code: 'responder_key_changed', check: 'reply-key' });
      await expect(refused).rejects.toThrow(fingerprint(acme.kid(who)));
      await expect(refused).rejects.toThrow(fingerprint(acme.kid('eu1')));
    });

    it('when another organisation’s responder of the same name signed', async () => {
      const globex = await loadOrganisation('globex');
      const { fin } = await reply(cast, asked, deltas, {}, await globex.signer('eu1'));
      await expect(verifyFin(fin, context)).rejects.toMatchObject({ code: 'responder_key_changed' });
    });

    it('when the directory lists none', async () => {
      const envelope = envelopeClaims(cast, { aud: 'urn:bulla:acme:svc:responder:nobody' });
      const refused = verifyFin(answered.fin, { ...context, envelope });
      await expect(refused).rejects.toMatchObject({ code: 'responder_key_changed' });
      await expect(refused).rejects.toThrow('lists none');
    });
  });

  it('refuses a signature of another key under the responder’s kid [guard: reply-signature]', async () => {
    const signer = { ...(await acme.signer('us1')), kid: acme.kid('eu1') };
    const { fin } = await reply(cast, asked, deltas, {}, signer);
    await expect(verifyFin(fin, context)).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'reply-signature',
    });
  });

  it('refuses a key past its end [guard: reply-key-usable]', async () => {
    await expect(verifyFin(answered.fin, { ...context, now: NOW + 400_000_000 })).rejects.toMatchObject({
      code: 'key_revoked',
      check: 'reply-key',
    });
  });

  it('refuses every fin with one changed character', async () => {
    let tried = 0;
    for (const fin of flipped(answered.fin)) {
      if (tried++ % 7 !== 0) continue;
      await expect(verifyFin(fin, context)).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:token_malformed|signature_invalid|responder_key_changed)$/),
      });
    }
    expect(tried).toBeGreaterThan(2000);
  });

  function irt(change: object): object {
    return { ...parseFin(answered.fin).claims.irt, ...change };
  }

  function prm(change: object): object {
    return { ...(asked.envelope.purpose === 'prompt.invoke' && asked.envelope.prm), ...change };
  }
});
