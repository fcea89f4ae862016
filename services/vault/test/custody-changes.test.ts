import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PolicyDocument } from '@bulla/crypto';
import { targetOf } from '@bulla/contract';
import { sql } from 'kysely';
import { KeyEndsService } from '../src/grants/key-ends.service.js';
import type { PromptRef } from './authoring.js';
import { basedOn, createPrompt, must, publishPrompt, pushVersion, sealVersion } from './authoring.js';
import { pendingNewcomer } from './enrolling.js';
import { expectRefusal } from './refusals.js';
import { publishRoot } from './rooting.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// A policy that gives names another custody: what the vault forgets, and what it never takes.

describe.each<Store>(['PostgreSQL', 'PGlite'])('a policy on %s', (store) => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault(store);
  });
  afterAll(() => vault.stop());

  const org = { org: 'acme' };
  const owner = () => vault.clientOf(vault.acme.owner);
  const sendPolicy = (policy: string) =>
    owner().put(targetOf('policy.publish', org), { policy }, basedOn(vault.acme.trust.policy.version));
  const sendDirectory = (directory: string, before = vault.acme.trust.directory.version) =>
    owner().put(targetOf('directory.publish', org), { directory }, basedOn(before));
  const wrapsOf = async ({ id }: PromptRef) => {
    const rows = await vault.database.db.selectFrom('kek_wrap').selectAll().where('prompt_id', '=', id).execute();
    return rows.length;
  };
  /** The next policy with other rules of custody, and the directory that names it: signed, and not adopted. */
  async function signed(rules: (custody: PolicyDocument['custody']) => PolicyDocument['custody']) {
    const { acme } = vault;
    const { policy, directory } = acme.trust;
    const next = {
      ...policy,
      version: policy.version + 1,
      prev: directory.policy.hash,
      custody: rules(policy.custody),
    };
    const token = await acme.sign('policy', next);
    const hash = await hashOf(token);
    const naming = await acme.signDirectory((draft) => {
      draft.policy = { version: next.version, hash };
    });
    return { policy: token, directory: naming, version: next.version, hash };
  }
  async function change(rules: Parameters<typeof signed>[0]): Promise<void> {
    await vault.acme.publishPolicy((draft) => {
      draft.custody = rules(draft.custody);
    });
    const { acme } = vault;
    const { policy, directory } = acme.documents;
    const put = (route: 'policy.publish' | 'directory.publish', body: object, before: number) =>
      owner().put(targetOf(route, org), body, basedOn(before));
    must(200, await put('policy.publish', { policy }, acme.trust.policy.version - 1));
    must(200, await put('directory.publish', { directory }, acme.trust.directory.version - 1));
  }

  it('that seals managed names has the vault forget what it read them by, and says of how many [guard: custody-forgets]', async () => {
    const { acme } = vault;
    const [gone, stays] = [
      await publishPrompt(vault, acme, 'open/gone/one'),
      await publishPrompt(vault, acme, 'open/stays'),
    ];
    await pushVersion(vault, acme, gone, 2);
    const deleted = await publishPrompt(vault, acme, 'open/gone/two');
    await change((custody) => ({ ...custody, 'open/gone/': 'sealed' }));
    expect([await wrapsOf(gone), await wrapsOf(deleted), await wrapsOf(stays)]).toEqual([0, 0, 1]);
    const { rows } = await sql<{ leaf: string }>`
      select convert_from(leaf, 'UTF8') as leaf from vault.audit_outbox`.execute(vault.database.db);
    const said = rows.map(({ leaf }) => leaf).join(' ');
    expect(said).toContain('"wrap.delete"');
    expect(said).toMatch(/"items": ?3/);
  });

  it('waits for those who push by the one before it, and they come to nothing after it [guard: custody-held]', async () => {
    const { acme } = vault;
    const hold = jest.spyOn(vault.service.app.get(KeyEndsService, { strict: false }), 'holdDirectory');
    const prompt = await createPrompt(vault, acme, 'open/late/one');
    const late = await sealVersion(acme, acme.author, prompt, 1);
    await change((custody) => ({ ...custody, 'open/late/': 'sealed' }));
    expect(hold).toHaveBeenCalledTimes(1);
    const { content, grants, deposit } = late;
    const send = () =>
      vault
        .clientOf(acme.author)
        .post(`/api/v1/prompts/${prompt.id}/versions`, { content, grants, deposit }, basedOn(0));
    await expectRefusal(vault, send, 403, 'custody_not_allowed');
    hold.mockRestore();
  });

  it('never makes those managed again: they have versions that nobody can open for the vault [guard: custody-sealed-versions]', async () => {
    await change((custody) => ({ ...custody, 'open/back/': 'sealed' }));
    await publishPrompt(vault, vault.acme, 'open/back/one');
    const back = await signed((custody) => ({ ...custody, 'open/back/': 'managed' }));
    await expectRefusal(vault, () => sendPolicy(back.policy), 403, 'custody_not_allowed');
    const sealed = await publishPrompt(vault, vault.acme, 'claims/sealed');
    expect(await wrapsOf(sealed)).toBe(0);
    const all = await signed(() => ({ '*': 'managed' }));
    await expectRefusal(vault, () => sendPolicy(all.policy), 403, 'custody_not_allowed');
    const root = () => publishRoot(vault, { policy: (draft) => (draft.custody = { '*': 'managed' }) });
    await expectRefusal(vault, root, 403, 'custody_not_allowed');
  });

  it('that was taken is not named by a directory once there are such versions', async () => {
    const { acme } = vault;
    const later = await signed((custody) => ({ ...custody, 'later/': 'managed' }));
    must(200, await sendPolicy(later.policy));
    const prompt = await publishPrompt(vault, acme, 'later/triage');
    await expectRefusal(vault, () => sendDirectory(later.directory), 403, 'custody_not_allowed');
    const newcomer = await pendingNewcomer(vault);
    const approving = async () => {
      const naming = await acme.signDirectory((draft) => {
        draft.policy = { version: later.version, hash: later.hash };
        draft.entities[newcomer.device.urn] = newcomer.device.entity;
      });
      return owner().post(`/api/v1/enrolments/${newcomer.id}/approval`, { directory: naming });
    };
    await expectRefusal(vault, approving, 403, 'custody_not_allowed');
    // Deleted ones stand in nobody's way.
    must(204, await vault.clientOf(acme.author).delete(`/api/v1/prompts/${prompt.id}`));
    must(200, await sendDirectory(later.directory));
  });
});

async function hashOf(token: string): Promise<string> {
  const { payload } = JSON.parse(token) as { payload: string };
  const bytes = await crypto.subtle.digest('SHA-256', Buffer.from(payload, 'base64url'));
  return Buffer.from(bytes).toString('base64url');
}
