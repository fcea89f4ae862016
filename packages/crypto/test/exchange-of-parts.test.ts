import { openGrantToken, openContentToken, openQuestionToken, verifyEnvelopeToken } from './reading.js';
import type { SealedContent } from '@bulla/crypto';
import {
  checkAsker,
  checkBundleHashes,
  CryptoError,
  MetBundles,
  MetStatements,
  mintId,
  organisationUrn,
  parseBundle,
  parseContent,
  sealContent,
  sealGrant,
  signStatement,
  tokenHash,
  urnOf,
  verifyInnerSignatureAndBinding,
  verifyStatement,
} from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { castOfMembers } from './answers.js';
import { exampleStatement } from './examples.js';
import type { Cast } from './exchange.js';
import { ask, envelopeClaims } from './exchange.js';
import { loadOrganisation, NOW } from './organisation.js';

/**
 * Two organisations, each with two prompts of one name, two versions of each, two requesters and two responders: a
 * responder takes an envelope, a grant, a content and a question only where all four belong to one run, and that run to
 * it and to the asker.
 */

type Member = TestOrganisation['owner'];
const PARTS = ['env', 'grant', 'content', 'question'] as const;
type Parts = Readonly<Record<(typeof PARTS)[number], string>>;

interface Run {
  readonly organisation: TestOrganisation;
  readonly responder: Member;
  readonly requester: Member;
  readonly parts: Parts;
}

const runs: Run[] = [];
/** Every responder has met every run before. */
const met = new MetBundles(() => 0);
const metStatements = new MetStatements(() => 0, { ageMs: 1, uses: Infinity, characters: 65_536 });

beforeAll(async () => {
  for (const org of ['acme', 'globex']) {
    const organisation = await makeOrganisation({ org, now: NOW });
    for (const prompt of [mintId('prm'), mintId('prm')])
      for (const ver of [1, 2]) runs.push(...(await runsOf(organisation, prompt, ver)));
  }
});

/** Every requester's run of one version, on every responder. */
async function runsOf(organisation: TestOrganisation, prompt: string, ver: number): Promise<Run[]> {
  const sealed = await sealedVersion(organisation, prompt, ver);
  const cast = await castOfMembers(organisation, prompt);
  const made: Run[] = [];
  for (const responder of organisation.responders) {
    const enc = organisation.trust.holder(responder.enc?.kid ?? '');
    if (enc === undefined) throw new Error('a responder has an encryption key');
    const grant = await sealGrant(sealed.dek, sealed, enc);
    for (const requester of [organisation.owner, organisation.invoker]) {
      const at: Cast = { ...cast, asker: requester, responder: { ...cast.responder, urn: responder.urn, enc } };
      const prm = { id: prompt, name: 'claims/triage', ver, chash: sealed.chash };
      const asked = await ask(at, envelopeClaims(at, { prm, whash: await tokenHash(grant) }));
      const parts = { env: asked.envelopeToken, grant, content: sealed.content, question: asked.sealed.token };
      made.push({ organisation, responder, requester, parts });
    }
  }
  return made;
}

async function sealedVersion(organisation: TestOrganisation, prompt: string, ver: number): Promise<SealedContent> {
  const { org, author, responders } = organisation;
  const sub = urnOf(org, 'prompt', prompt);
  const example = exampleStatement(await loadOrganisation('acme'), {
    iss: author.urn,
    aud: organisationUrn(org),
    sub,
    ver,
  });
  const acl = { ...example.acl, responders: responders.map(({ urn }) => urn) };
  return sealContent(await signStatement({ ...example, acl }, author.signer), { org, sub, ver });
}

/** Steps 3 to 12 of protocol.md §2.4 for one request, by the documents, the responder and the requester of a run. */
async function take({ env, grant, content, question }: Parts, at: Run): Promise<void> {
  const { organisation, responder, requester } = at;
  const { trust, now, org } = organisation;
  const bundle = parseBundle({ v: 1, env, grant, content, tags: [] }, met);
  const envelope = await verifyEnvelopeToken(env, { trust, now, audience: responder.urn });
  if (envelope.kind !== 'prompt') throw new Error('all envelopes are for prompts');
  const { sub, claims } = envelope;
  const { name, ver, chash } = claims.prm;
  // Who signed the request over HTTP is for the responder to compare.
  if (claims.sub !== requester.urn || claims.cnf.jkt !== requester.signer.kid)
    throw new CryptoError('envelope_tampered', 'it is for another requester');
  await checkBundleHashes(bundle, envelope);
  const unwrapper = await responder.unwrapper();
  const { inner } = await openQuestionToken(question, unwrapper);
  const context = { trust, now, envelope: claims, envelopeHash: envelope.hash, audience: responder.urn };
  await verifyInnerSignatureAndBinding(inner, context);
  checkAsker(inner, context);
  const { kid, dkc = '' } = parseContent(content).header;
  const dek = await openGrantToken(grant, unwrapper, { urn: responder.urn, sub, ver, chash, dekId: kid, dkc });
  const statement = await openContentToken(content, dek, { org, sub, ver });
  await verifyStatement(statement, { trust, now, chash, expect: { sub, name, ver }, met: metStatements });
}

/** Whether the parts are taken; any refusal has a code. */
async function isTaken(parts: Parts, at: Run): Promise<boolean> {
  try {
    await take(parts, at);
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function runAt(index: number): Run {
  const run = runs[index];
  if (run === undefined) throw new Error('no such run');
  return run;
}

describe('parts of several runs', () => {
  it('are taken where they belong to one', async () => {
    expect(runs).toHaveLength(32);
    for (const run of runs) await take(run.parts, run);
  });

  it('are refused with any one of them exchanged', async () => {
    const taken: string[] = [];
    for (const [index, run] of runs.entries())
      for (const part of PARTS)
        for (const other of runs) {
          if (other.parts[part] === run.parts[part]) continue;
          if (await isTaken({ ...run.parts, [part]: other.parts[part] }, run)) taken.push(`${part} of run ${index}`);
        }
    expect(taken).toEqual([]);
  }, 300_000);

  it('are refused by any responder, for any requester, but their own', async () => {
    const taken: string[] = [];
    for (const [index, run] of runs.entries())
      for (const other of runs) {
        if (other.responder === run.responder && other.requester === run.requester) continue;
        if (await isTaken(run.parts, other)) taken.push(`run ${index}`);
      }
    expect(taken).toEqual([]);
  });

  it('are refused however they are mixed', () => {
    const index = fc.nat({ max: 31 });
    return fc.assert(
      fc.asyncProperty(index, fc.tuple(index, index, index, index), async (judge, [env, grant, content, question]) => {
        const parts = {
          env: runAt(env).parts.env,
          grant: runAt(grant).parts.grant,
          content: runAt(content).parts.content,
          question: runAt(question).parts.question,
        };
        const at = runAt(judge);
        const belongs = PARTS.every((part) => parts[part] === at.parts[part]);
        const ofAnother = runs.some(
          (run) =>
            run.responder === at.responder &&
            run.requester === at.requester &&
            PARTS.every((part) => parts[part] === run.parts[part]),
        );
        expect(await isTaken(parts, at)).toBe(belongs || ofAnother);
      }),
      {
        numRuns: 500,
        examples: [
          [0, [0, 0, 0, 0]],
          [31, [31, 31, 31, 31]],
          [0, [0, 1, 0, 0]],
        ],
      },
    );
  });
});
