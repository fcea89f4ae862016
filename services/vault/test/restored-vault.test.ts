import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Approval, PendingMove, RestoredVault } from '@bulla/contract';
import { targetOf } from '@bulla/contract';
import type { PromptRef, SealedVersion, TagWish } from './authoring.js';
import { basedOn, bodyOf, freshName, mintId, must, posOf, publishPrompt, sealVersion, tagOf } from './authoring.js';
import { listing, pendingNewcomer } from './enrolling.js';
import { expectRefusal } from './refusals.js';
import { rewriteMarks } from './restoring.js';
import type { Store, TestVault } from './running-vault.js';
import { shareVault } from './shared-vault.js';

describe.each<Store>(['PostgreSQL', 'PGlite'])('a vault on a %s that was restored', (store) => {
  let vault: TestVault;
  /** How many lines the log had when the test began. */
  let logged = 0;
  let prompt: PromptRef & { readonly version: SealedVersion };
  const startOwn = shareVault(store, (started) => void (vault = started));
  const start = async () => {
    await startOwn();
    logged = 0;
    prompt = await publishPrompt(vault, vault.acme);
  };
  beforeEach(async () => {
    // What the test before did to the marks is noticed, and over, in both organisations.
    vault.clock.advance(1);
    must(200, await resume());
    must(200, await resumeOther());
    logged = vault.log.length;
    prompt = await publishPrompt(vault, vault.acme);
  });

  const owner = () => vault.clientOf(vault.acme.owner);
  const author = () => vault.clientOf(vault.acme.author);
  const restoredAt = async (org = 'acme') =>
    bodyOf<RestoredVault>(await vault.get(`/.well-known/bulla/${org}/restored.json`)).restored;
  const resume = (directory = vault.acme.trust.directory.version) =>
    owner().post('/api/v1/organisations/acme/resume', { directory });
  const resumeOther = () =>
    vault.clientOf(vault.other.owner).post('/api/v1/organisations/other/resume', {
      directory: vault.other.trust.directory.version,
    });
  const events = () => vault.log.slice(logged).filter((line) => line.includes('"vault-restored"')).length;
  /** As after a dump was read back: requests look at the table again in a moment. */
  async function restored(): Promise<void> {
    await rewriteMarks(vault.database);
    vault.clock.advance(1);
  }
  const next = async (seq: number, change: Partial<TagWish> = {}): Promise<string> => {
    const first = { tag: 'latest', ver: 1, chash: prompt.version.chash, seq: 1, prev: '' };
    const prev = seq === 1 ? '' : await posOf(vault.acme, prompt, first);
    return tagOf(vault.acme, vault.acme.author, prompt, { ...first, seq, prev, ...change });
  };
  const move = async (tag?: string) =>
    author().put(`/api/v1/prompts/${prompt.id}/labels/latest`, { tags: [tag ?? (await next(2))] }, basedOn(1));

  it('is not one that is new, or starts again', async () => {
    await start();
    const replica = await vault.startReplica();
    expect([await restoredAt(), await restoredAt('other'), events()]).toEqual([null, null, 0]);
    must(200, await move());
    await replica.close();
    expect((await vault.get('/.well-known/bulla/nobody/restored.json')).status).toBe(404);
  });

  it('says so once, in its log and to everybody, by whichever process looks first', async () => {
    await restored();
    const [first, second] = await Promise.all([restoredAt(), restoredAt()]);
    expect([typeof first, second]).toEqual(['string', first]);
    await expectRefusal(vault, () => move(), 409, 'vault_restored');
    // One line for each of the two organisations.
    const before = events();
    const replica = await vault.startReplica();
    expect([await restoredAt(), (await restoredAt('other')) !== null, events()]).toEqual([first, true, 2]);
    expect(before).toBeLessThanOrEqual(2);
    await replica.close();
  });

  it('is noticed at the start too', async () => {
    const before = events();
    await rewriteMarks(vault.database);
    const replica = await vault.startReplica();
    expect(events()).toBe(before + 2);
    await replica.close();
  });

  it('moves nothing before it was noticed [guard: restore-unmarked]', async () => {
    const tag = await next(2);
    await rewriteMarks(vault.database);
    await expectRefusal(vault, () => move(tag), 503, 'overloaded');
    vault.clock.advance(1);
    await expectRefusal(vault, () => move(tag), 409, 'vault_restored');
  });

  it('moves no label, stores no version and publishes no document, and serves what it has [guard: restore-stops]', async () => {
    const { acme } = vault;
    const { id } = prompt;
    const newcomer = await pendingNewcomer(vault);
    const wish = { ver: 1, chash: prompt.version.chash, seq: 1, tag: 'reviewed' };
    const begin = { tags: [await tagOf(acme, acme.author, prompt, wish)] };
    const reviewed = `/api/v1/prompts/${id}/labels/reviewed`;
    const { approval } = bodyOf<PendingMove>(must(202, await author().put(reviewed, begin, basedOn(0))));
    const { policy, directory } = acme.trust;
    const named = directory.policy.hash;
    const under = await acme.signRoot(undefined, vault.clock.now());
    const nextRoot = { root: under.roots[1], policy: under.policy, directory: under.directory };
    const documents = {
      policy: await acme.sign('policy', { ...policy, version: policy.version + 1, prev: named }),
      directory: await acme.signDirectory(),
    };
    await restored();
    const at = '/api/v1/organisations/acme';
    const tag = await next(1, { iat: acme.now - 1 });
    const give = await tagOf(acme, acme.owner, prompt, wish);
    const { content, grants } = await sealVersion(acme, acme.author, prompt, 2);
    const requests = [
      () => author().post('/api/v1/prompts', { id: mintId('prm'), name: freshName(), type: 'text' }),
      () => author().post(`/api/v1/prompts/${id}/versions`, { content, grants }, basedOn(1)),
      () => move(),
      () => author().post(`/api/v1/prompts/${id}/labels/latest/tags`, { tag }),
      () => owner().post(targetOf('approval.give', { id: approval }), { tag: give }),
      () => owner().put(`${at}/root/2`, nextRoot, basedOn(1)),
      () => owner().put(`${at}/policy`, { policy: documents.policy }, basedOn(policy.version)),
      () => owner().put(`${at}/directory`, { directory: documents.directory }, basedOn(directory.version)),
      async () => {
        const body = { directory: await listing(acme, newcomer) };
        return owner().post(targetOf('enrolment.approve', { id: newcomer.id }), body);
      },
    ];
    for (const send of requests) await expectRefusal(vault, send, 409, 'vault_restored');
    const asked = { prompt: id, label: 'latest', aud: acme.responders[0].urn, uses: 1 };
    must(201, await owner().post('/api/v1/envelopes', asked));
  });

  it('goes on when an admin has seen what it has, twice at most [guard: resume-seen] [guard: org-resume]', async () => {
    await restored();
    expect(await restoredAt('other')).not.toBeNull();
    const { version } = vault.acme.trust.directory;
    await expectRefusal(vault, () => resume(version + 1), 412, 'version_conflict');
    await expectRefusal(
      vault,
      () => author().post('/api/v1/organisations/acme/resume', { directory: version }),
      403,
      'forbidden',
    );
    const [one, two] = await Promise.all([resume(), resume()]);
    expect([bodyOf(must(200, one)), bodyOf(must(200, two))]).toEqual([{ version }, { version }]);
    expect([await restoredAt(), typeof (await restoredAt('other'))]).toEqual([null, 'string']);
    must(200, await move());
  });

  it('ends what waited, of its own organisation [guard: resume-waiting] [guard: org-approvals-end]', async () => {
    const wish = { ver: 1, chash: prompt.version.chash, seq: 1, tag: 'reviewed' };
    const tag = await tagOf(vault.acme, vault.acme.author, prompt, wish);
    const path = `/api/v1/prompts/${prompt.id}/labels/reviewed`;
    const { approval } = bodyOf<PendingMove>(must(202, await author().put(path, { tags: [tag] }, basedOn(0))));
    const foreign = await foreignApproval();
    const stateOf = async (id: string) =>
      (await vault.database.db.selectFrom('label_approval').select('state').where('id', '=', id).executeTakeFirst())
        ?.state;
    must(200, await resume());
    expect(await stateOf(approval)).toBe('open');
    await restored();
    must(200, await resume());
    expect([await stateOf(approval), await stateOf(foreign)]).toEqual(['dropped', 'open']);
    expect(bodyOf<Approval>(must(200, await owner().get(`/api/v1/approvals/${approval}`))).state).toBe('dropped');
  });

  it('of one organisation is not every one [guard: org-restored]', async () => {
    await restored();
    expect([typeof (await restoredAt()), typeof (await restoredAt('other'))]).toEqual(['string', 'string']);
    must(200, await resume());
    expect([await restoredAt(), typeof (await restoredAt('other'))]).toEqual([null, 'string']);
  });

  /** A move of the other organisation that waits; only its row matters. */
  async function foreignApproval(): Promise<string> {
    const theirs = await publishPrompt(vault, vault.other);
    const id = `apr_${theirs.id.slice(4)}`;
    await vault.database.db
      .insertInto('label_approval')
      .values({
        id,
        org: 'other',
        prompt_id: theirs.id,
        name: theirs.name,
        label: 'reviewed',
        seq: 1,
        version: 1,
        chash: theirs.version.chash,
        pos: '',
        state: 'open',
        expires_at: new Date(8e12),
      })
      .execute();
    return id;
  }
});
