import { openContent, openGrant, openInvocation } from '@bulla/crypto/open';
import type { Bytes, Statement } from '@bulla/crypto';
import {
  parseGrant,
  parseStatement,
  sealContent,
  sealGrant,
  signEnvelope,
  signStatement,
  tokenHash,
  verifyEnvelope,
  verifyInnerSignatureAndBinding,
  verifyStatement,
  parseContent,
  parseEnvelope,
  parseInvocation,
} from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { ask, recordOf, storePrompt } from '../../services/responder/test/asking.js';
import type { Work } from './openssl.js';
import type { Run } from './variant.js';

/** What each part of the product's path cannot do without, of a prompt of so many bytes. */
export const PARTS = {
  'sign a statement': (bytes) => ({ sign: 1, sha256: bytes }),
  'seal a content': (bytes) => ({ gcm: bytes, sha256: 2 * bytes }),
  'seal a grant': () => ({ encrypt: 1, gcm: 32 }),
  'sign an envelope': () => ({ sign: 1, sha256: 1024 }),
  'issue: content, grant and envelope': (bytes) => ({ sign: 1, encrypt: 1, gcm: bytes, sha256: 2 * bytes + 1024 }),
  'verify an envelope': () => ({ verify: 1, sha256: 1024 }),
  'open a grant': () => ({ decrypt: 1, gcm: 32 }),
  'open a content': (bytes) => ({ gcm: bytes, sha256: bytes }),
  'open: envelope, question, grant, content and statement': (bytes) => ({
    verify: 3,
    decrypt: 2,
    gcm: bytes + 1024,
    sha256: 2 * bytes + 2048,
  }),
} as const satisfies Record<string, (bytes: number) => Work>;
export type Part = keyof typeof PARTS;

/** The parts, each of which throws if what it does is not what it should be. */
export async function makeParts(payload: Bytes): Promise<Record<Part, Run>> {
  const organisation = await makeOrganisation();
  const { org, trust, now, author, vault, responders } = organisation;
  const [responder] = responders;
  const text = Buffer.from(payload).toString('latin1');
  const prompt = await storePrompt(organisation, { text: { messages: [{ role: 'system', content: text }] } });
  const { sub, ver, name, chash } = prompt;
  const { envelope, body } = await ask(organisation, prompt);
  const { env } = body.bundle;
  const { grant, content } = prompt;
  const unwrapper = await responder.unwrapper();
  const recipient = { urn: responder.urn, record: recordOf(responder, 'enc') };
  const place = { org, sub, ver };
  const { dek: dekId, dkc = '' } = parseGrant(grant).header;
  const granted = { urn: responder.urn, sub, ver, dekId, chash, dkc };
  const dek = await openGrant(parseGrant(grant), unwrapper, granted);
  const statement = await openContent(parseContent(content), dek, place);
  const claims: Statement = parseStatement(statement).claims;
  const asStored = { trust, now, chash, expect: { sub, name, ver } };
  const asAsked = { trust, now, envelope, envelopeHash: await tokenHash(env), audience: responder.urn };

  const seal = () => sealContent(statement, place);
  const issue = async () => {
    const sealed = await seal();
    const whash = await tokenHash(await sealGrant(sealed.dek, sealed, recipient));
    sealed.dek.wipe();
    const prm = { ...envelope.prm, chash: sealed.chash };
    return signEnvelope({ ...envelope, prm, whash }, vault.signer);
  };
  const open = async () => {
    await verifyEnvelope(parseEnvelope(env), { trust, now, audience: responder.urn });
    const { inner } = await openInvocation(parseInvocation(body.inv), unwrapper);
    await verifyInnerSignatureAndBinding(inner, asAsked);
    const key = await openGrant(parseGrant(grant), unwrapper, granted);
    const opened = await openContent(parseContent(content), key, place);
    key.wipe();
    await verifyStatement(opened, asStored);
  };
  return {
    'sign a statement': () => signStatement(claims, author.signer),
    'seal a content': seal,
    'seal a grant': () => sealGrant(dek, { ...granted, protectUntil: claims.protect_until }, recipient),
    'sign an envelope': () => signEnvelope(envelope, vault.signer),
    'issue: content, grant and envelope': issue,
    'verify an envelope': () => verifyEnvelope(parseEnvelope(env), { trust, now, audience: responder.urn }),
    'open a grant': () => openGrant(parseGrant(grant), unwrapper, granted),
    'open a content': () => openContent(parseContent(content), dek, place),
    'open: envelope, question, grant, content and statement': open,
  };
}
