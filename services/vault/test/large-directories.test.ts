import { crowdOf } from '@bulla/crypto/testing';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { Service } from '@bulla/service-kit';
import { RATES } from '@bulla/service-kit';
import { SignedClient } from '@bulla/service-kit/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basedOn, bodyOf, must } from './authoring.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// A bounded load: a tenant publishes a directory of three and a half megabytes, and as much as its rate allows. What is asserted is
// how often others are answered, never how fast.

const PROMPTS = '/api/v1/prompts';
const directoryOf = ({ org }: TestOrganisation) => `/api/v1/organisations/${org}/directory`;
/** Answers to others while one large directory is checked; within what one key may ask for in six seconds. */
const OTHERS = 40;

let vault: TestVault;
let service: Service;
beforeAll(async () => {
  vault = await startVault();
  service = await vault.startReplica({ rates: RATES });
});
afterAll(() => vault.stop());

const clientOf = ({ keyid, signer }: TestOrganisation['owner']) =>
  new SignedClient(service, { keyid, signer }, { now: () => vault.clock.now() });

describe('a tenant that publishes large directories', () => {
  it('pays for its bytes: one of them is nearly all that a key may ask for in six seconds [guard: limit-bytes]', async () => {
    const { acme, other } = vault;
    const tenant = clientOf(acme.owner);
    vault.clock.advance(6);
    const directory = await acme.signDirectory();
    const { payload } = JSON.parse(directory) as { payload: string };
    const large = JSON.stringify({ payload: payload.padEnd(4_000_000, 'A'), signatures: [] });
    const answers = [];
    for (let count = 0; count < 4; count++)
      answers.push(await tenant.put(directoryOf(acme), { directory: large }, basedOn(acme.trust.directory.version)));
    const codes = answers.map((answer) => bodyOf<{ code: string }>(answer).code);
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(3);
    must(200, await clientOf(other.owner).get(PROMPTS));
  });

  it('waits for its own publications, and is told when too many wait [guard: publishing-turns]', async () => {
    const { acme, other } = vault;
    const tenant = vault.clientOf(acme.owner);
    const directory = await acme.signDirectory();
    const at = basedOn(acme.trust.directory.version);
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => tenant.put(directoryOf(acme), { directory }, at)),
    );
    const codes = answers.map((answer) =>
      answer.status === 200 ? 'published' : bodyOf<{ code: string }>(answer).code,
    );
    expect(codes.filter((code) => code === 'published')).toHaveLength(1);
    expect(codes.filter((code) => code === 'overloaded').length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(['published', 'version_conflict', 'overloaded']));
    must(200, await vault.clientOf(other.owner).get(PROMPTS));
    await acme.publish();
  });

  it('[red] stops nobody else: others are answered while it is checked', async () => {
    // The one whose directory nobody else here goes on from.
    const { acme, other } = vault;
    const [tenant, asker] = [clientOf(other.owner), clientOf(acme.owner)];
    vault.clock.advance(6);
    const crowd = await crowdOf(other.org, 4_000, 2);
    const at = basedOn(other.trust.directory.version);
    const directory = await other.signDirectory((draft) => void Object.assign(draft.entities, crowd));
    expect(directory.length).toBeGreaterThan(3_500_000);
    const progress = { isDone: false };
    const published = tenant.put(directoryOf(other), { directory }, at).finally(() => {
      progress.isDone = true;
    });
    let answered = 0;
    while (!progress.isDone && answered < OTHERS) {
      const { status } = await asker.get(PROMPTS);
      if (status === 200 && !progress.isDone) answered++;
    }
    must(200, await published);
    expect(answered).toBe(OTHERS);
  });
});
