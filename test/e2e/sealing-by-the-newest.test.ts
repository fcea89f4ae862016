import { Bulla } from '@bulla/client';
import type { DirectoryDocument } from '@bulla/crypto';
import { generateKeyPair, parseGrant, parseInvocation } from '@bulla/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { identityOf } from '../../packages/client/src/connection/identity.js';
import { draftOf } from '../../packages/client/test/world.js';
import { basedOn, must } from '../../services/vault/test/authoring.js';
import type { TestVault } from '../../services/vault/test/running-vault.js';
import { startVault } from '../../services/vault/test/running-vault.js';

// A vault that is honest refuses what is sealed to a revoked key, and by then its operator has the bytes. So what counts
// here is what an SDK sent, not what was stored.

/** A request as the vault, or the responder, gets it. */
interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Of the answer; 0 where there was none. */
  readonly status: number;
  readonly bytes: number;
}

const NAME = 'claims/triage';
/** No responder listens there: the test only records the requests to it. */
const RESPONDER = 'http://127.0.0.1:2';

let vault: TestVault;
let url: string;
let sent: Sent[];
let bulla: Bulla;
/** A second key that the responder is sealed to, beside its first one. */
let second: string;

const record: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  const { pathname: path } = new URL(request.url);
  const { method } = request;
  const body = await request.clone().text();
  if (request.url.startsWith(RESPONDER)) {
    sent.push({ method, path, body, status: 0, bytes: 0 });
    throw new TypeError('fetch failed');
  }
  const response = await fetch(input, init);
  const bytes = (await response.clone().arrayBuffer()).byteLength;
  sent.push({ method, path, body, status: response.status, bytes });
  return response;
};

async function publish(change: (draft: DirectoryDocument) => void): Promise<void> {
  const { acme } = vault;
  const from = acme.trust.directory.version;
  await acme.publish(change);
  const { directory } = acme.documents;
  must(200, await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)));
}

const revoke = (kid: string) => (draft: DirectoryDocument) => {
  draft.revoked = [...draft.revoked, { kid, reason: 'keyCompromise', at: vault.clock.now() }];
};
const kidOf = (member: TestVault['acme']['owner']): string => member.enc?.kid ?? '';
const isDirectory = ({ path }: Sent) => path.endsWith('/directory.json');
const granted = () =>
  sent
    .filter(({ path, method }) => method === 'POST' && /\/(versions|grants)$/.test(path))
    .flatMap(({ body }) => (JSON.parse(body) as { grants: string[] }).grants)
    .map((token) => parseGrant(token).header.kid);

beforeAll(async () => {
  vault = await startVault();
  const { acme } = vault;
  const { port } = await vault.service.listen();
  url = `http://127.0.0.1:${port}`;
  const pair = await generateKeyPair('p256', 'enc');
  second = pair.kid;
  await publish((draft) => {
    for (const { urn } of acme.responders) {
      const entity = draft.entities[urn];
      if (entity?.kind !== 'responder') continue;
      entity.url = RESPONDER;
      const first = entity.keys.find(({ use }) => use === 'enc');
      if (first !== undefined && urn === acme.responders[0].urn)
        entity.keys.push({ ...first, kid: pair.kid, jwk: pair.publicJwk });
    }
  });
  sent = [];
  bulla = await Bulla.connect({
    url,
    identity: await identityOf(acme.owner.keyFile),
    pin: acme.pin,
    now: () => vault.clock.now(),
    fetch: record,
    retries: 0,
  });
  await bulla.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
});
afterAll(() => vault.stop());

describe('an SDK that fetched the directory a while ago', () => {
  it('asks for a newer one before it seals, by one request that is answered without a body', async () => {
    sent = [];
    await bulla.prompts.push(NAME, 'text', draftOf('Sort this: {{claim}}'));
    const first = sent.findIndex(({ path, method }) => method === 'POST' && path.endsWith('/versions'));
    expect(sent.slice(0, first).filter(isDirectory)).toMatchObject([{ status: 304, bytes: 0 }]);
    expect(sent.filter(({ path }) => path.startsWith('/.well-known/'))).toHaveLength(1);
    expect(granted()).toContain(kidOf(vault.acme.author));
  });

  it('seals nothing to a device that somebody else revoked meanwhile [guard: client-seal-newest]', async () => {
    const lost = kidOf(vault.acme.author);
    await publish(revoke(lost));
    sent = [];
    const pushed = await bulla.prompts.push(NAME, 'text', draftOf('Sort it: {{claim}}'), ['production']);
    expect(pushed).toMatchObject({ changed: true });
    expect(granted()).toContain(kidOf(vault.acme.owner));
    expect(granted()).not.toContain(lost);
  });

  it('seals no question to a key of the responder that was revoked meanwhile', async () => {
    const [first] = vault.acme.trust.activeKeys(vault.acme.responders[0].urn, 'unwrap', vault.clock.now());
    const lost = first?.record.kid ?? '';
    const left = [kidOf(vault.acme.responders[0]), second].filter((kid) => kid !== lost);
    // Authors seal prompts for the key that stays.
    await publish(revoke(lost));
    const other = await Bulla.connect({
      url,
      identity: await identityOf(vault.acme.owner.keyFile),
      pin: vault.acme.pin,
      now: () => vault.clock.now(),
    });
    await other.prompts.push(NAME, 'text', draftOf('Sort it: {{claim}}'), ['production']);
    sent = [];
    await expect(bulla.prompt(NAME).run({ claim: 'water' })).rejects.toMatchObject({ code: 'transport_failed' });
    const asked = sent.filter(({ status }) => status === 0);
    const kids = asked.map(({ body }) => parseInvocation((JSON.parse(body) as { inv: string }).inv).header.kid);
    expect([asked.length, kids]).toEqual([1, left]);
  });
});
