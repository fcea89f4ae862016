import { beforeAll, describe, expect, it } from '@jest/globals';
import { mintId, tokenHash } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import { ask, recordOf, storePrompt } from '../../test/asking.js';
import type { Asked, AskOptions, StoredPrompt, StoreOptions } from '../../test/asking.js';
import { refusalOf, suite } from '../../test/suite.js';
import { EchoModel } from '../models/echo.model.js';
import { ModelError } from '../models/model-error.js';
import type { ModelRequest } from '../models/model.js';

/** Everything that can be wrong with one request, a fault for each step. */
interface Faults {
  oversize?: true;
  forged?: true;
  expired?: true;
  withdrawn?: true;
  elsewhere?: true;
  undecryptable?: true;
  unbound?: true;
  newerDirectory?: true;
  usedUp?: true;
  foreignGrant?: true;
  wrongDek?: true;
  foreignAuthor?: true;
  foreignGroup?: true;
  noVariable?: true;
  brokenModel?: true;
}

interface Step {
  readonly step: number;
  readonly fault: keyof Faults;
  readonly code: string;
  readonly sealed: boolean;
  /** How often a private key has worked by then. */
  readonly unwraps: number;
}

const STEPS: readonly Step[] = [
  { step: 1, fault: 'oversize', code: 'payload_too_large', sealed: false, unwraps: 0 },
  { step: 2, fault: 'forged', code: 'signature_invalid', sealed: false, unwraps: 0 },
  { step: 3, fault: 'expired', code: 'envelope_expired', sealed: false, unwraps: 0 },
  { step: 4, fault: 'withdrawn', code: 'envelope_revoked', sealed: false, unwraps: 0 },
  { step: 5, fault: 'elsewhere', code: 'envelope_tampered', sealed: false, unwraps: 0 },
  { step: 6, fault: 'undecryptable', code: 'open_failed', sealed: false, unwraps: 1 },
  { step: 7, fault: 'unbound', code: 'open_failed', sealed: false, unwraps: 1 },
  // Looked at again once the newest documents have been fetched, which brings nothing newer.
  { step: 8, fault: 'newerDirectory', code: 'trust_expired', sealed: false, unwraps: 1 },
  { step: 9, fault: 'usedUp', code: 'envelope_replayed', sealed: false, unwraps: 1 },
  { step: 10, fault: 'foreignGrant', code: 'open_failed', sealed: true, unwraps: 1 },
  // Known when the grant is open, before the content is.
  { step: 11, fault: 'wrongDek', code: 'grant_unfit', sealed: true, unwraps: 2 },
  { step: 12, fault: 'foreignAuthor', code: 'open_failed', sealed: true, unwraps: 2 },
  { step: 13, fault: 'foreignGroup', code: 'forbidden', sealed: true, unwraps: 2 },
  { step: 14, fault: 'noVariable', code: 'variable_missing', sealed: true, unwraps: 2 },
  { step: 15, fault: 'brokenModel', code: 'upstream_unavailable', sealed: true, unwraps: 2 },
];

/** Echoes, but for the questions it is told to fail. */
class FragileModel extends EchoModel {
  readonly broken = new Set<string>();

  override stream(request: ModelRequest, signal: AbortSignal) {
    if (this.broken.has(request.requestId)) throw new ModelError('upstream_unavailable', 'broken on purpose');
    return super.stream(request, signal);
  }
}

const model = new FragileModel();
const all = suite({ model: () => model });
const WITHDRAWN = mintId('prm');

beforeAll(async () => {
  await all.organisation.publish((draft) => {
    draft.withdrawn.push({ sub: `urn:bulla:acme:prompt:${WITHDRAWN}`, below: 2 });
  });
  await all.refresh();
});

async function askWrongly(faults: Faults): Promise<Asked> {
  const { organisation, database } = all;
  const { now, author, invoker, responders } = organisation;
  const store: StoreOptions = {
    id: faults.withdrawn === true ? WITHDRAWN : mintId('prm'),
    // The invoker is in no group that writes.
    author: faults.foreignAuthor === true ? invoker : author,
    statement:
      faults.foreignGroup === true
        ? { acl: { invoke: ['grp:release'], read: [], responders: responders.map(({ urn }) => urn) } }
        : {},
  };
  const prompt = await regranted(await storePrompt(organisation, store), faults);
  const madeAt = faults.expired === true ? now - 7200 : now;
  const env = { jti: mintId('env'), hash: await tokenHash('another envelope') };
  const question = {
    ...(faults.unbound === true ? { env } : {}),
    ...(faults.newerDirectory === true ? { dir: { ver: 999, hash: organisation.trust.directoryRef.hash } } : {}),
    ...(faults.noVariable === true ? { vars: {} } : {}),
    jti: mintId('inv'),
  };
  const options: AskOptions = { envelope: { iat: madeAt, nbf: madeAt, exp: madeAt + 120 }, question };
  const asked = await ask(organisation, prompt, options);
  if (faults.usedUp === true) {
    const use = { env_jti: asked.envelope.jti, org: organisation.org, uses: 1, max: 1, expires_at: new Date(8e12) };
    await database.db.insertInto('envelope_use').values(use).execute();
  }
  if (faults.brokenModel === true) model.broken.add(question.jti);
  // A question that says outside already that it is for somebody else.
  const sent =
    faults.elsewhere === true ? await ask(organisation, prompt, { ...options, responder: responders[1] }) : asked;
  const inv = faults.undecryptable === true ? damaged(sent.body.inv) : sent.body.inv;
  return { ...asked, body: { bundle: asked.body.bundle, inv } };
}

/** The same prompt with a grant that is for another device, or holds another key. */
async function regranted(prompt: StoredPrompt, { foreignGrant, wrongDek }: Faults): Promise<StoredPrompt> {
  if (foreignGrant !== true && wrongDek !== true) return prompt;
  const { author, responders } = all.organisation;
  const to = foreignGrant === true ? author : responders[0];
  const { kid: dekId = '', dkc = '' } = headerOf(prompt.content);
  const place = { sub: prompt.sub, ver: prompt.ver, dekId, dkc, chash: prompt.chash };
  const grant = await sealUnfit(place, { urn: to.urn, record: recordOf(to, 'enc') });
  return { ...prompt, grant, whash: await tokenHash(grant) };
}

function headerOf(token: string): Record<string, string> {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8')) as Record<string, string>;
}

/** One bit of the ciphertext. */
function damaged(token: string): string {
  const parts = token.split('.');
  const ciphertext = Buffer.from(parts[3] ?? '', 'base64url');
  ciphertext[0] = (ciphertext[0] ?? 0) ^ 1;
  return parts.with(3, ciphertext.toString('base64url')).join('.');
}

function faultsFrom(step: number): Faults {
  return Object.fromEntries(STEPS.filter((one) => one.step >= step).map(({ fault }) => [fault, true]));
}

async function refuse(faults: Faults) {
  const asked = await askWrongly(faults);
  const before = all.responder.unwrapper.calls;
  const body = faults.oversize === true ? `${JSON.stringify(asked.body)}${' '.repeat(2_097_152)}` : asked.body;
  const response = await all.responder.client(all.organisation.invoker).post('/api/v1/invocations', body, {
    tamper: ({ headers }) => {
      if (faults.forged !== true) return;
      const [, signature = ''] = /^bulla=:(.*):$/.exec(headers['signature'] ?? '') ?? [];
      const bytes = Buffer.from(signature, 'base64');
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      headers['signature'] = `bulla=:${bytes.toString('base64')}:`;
    },
  });
  const refusal = await refusalOf(all, asked, response);
  return { ...refusal, unwraps: all.responder.unwrapper.calls - before };
}

describe('a request that is wrong at one step and at every later one', () => {
  it.each(STEPS)('is refused by step $step ($fault): $code', async ({ step, code, sealed, unwraps }) => {
    const refusal = await refuse(faultsFrom(step));
    expect(refusal).toEqual({ code, sealed, unwraps });
  });
});

describe('a request that is wrong at one step only [guard: run-withdrawn] [refuses: oversize-body]', () => {
  it.each(STEPS)('is refused by step $step ($fault): $code', async ({ fault, code, sealed }) => {
    const refusal = await refuse({ [fault]: true });
    expect(refusal).toMatchObject({ code, sealed });
  });
});

describe('private keys', () => {
  it('work twice for a cold prompt, once for a warm one, whose grant is known', async () => {
    const prompt = await storePrompt(all.organisation);
    const before = all.responder.unwrapper.calls;
    await all.run(await ask(all.organisation, prompt));
    const cold = all.responder.unwrapper.calls - before;
    await all.run(await ask(all.organisation, prompt));
    expect([cold, all.responder.unwrapper.calls - before - cold]).toEqual([2, 1]);
  });
});
