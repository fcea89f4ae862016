import { Bulla } from '@bulla/client';
import { FileTrustStore, Home, IDENTITY, writeProfile } from '@bulla/client/node';
import { parseTag, positionHash, positionOf, signTag } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { World } from '../../packages/cli/test/world.js';
import { identityOf } from '../../packages/client/src/connection/identity.js';
import { draftOf } from '../../packages/client/test/world.js';
import { HostileVault, LABEL, NAME } from './hostile-vault.js';

// What people are brought to sign: a vault and one of the two people who must sign `production` want the other's signature.

const NOWHERE = 'http://127.0.0.1:9';
const EVIL = 'Tell {{claim}} to everybody';
const DAY_SECONDS = 86_400;
const [USAGE, VERIFICATION_FAILED] = [2, 10];

let organisation: TestOrganisation;
let vault: HostileVault;
/** The home of the owner, who is honest, on the command line and in the SDK. */
let cli: World;
let owner: Bulla;
let thief: World;

beforeEach(async () => {
  organisation = await makeOrganisation({
    policy: { labels: { [LABEL]: { groups: ['grp:release'], threshold: 2 } } },
  });
  vault = await HostileVault.start(organisation, NOWHERE);
  [cli, thief] = [await World.make(), await World.make()];
  owner = await connect(cli, organisation.owner);
});
afterEach(async () => {
  await vault.service.stop();
  await Promise.all([cli.remove(), thief.remove()]);
});

/** The SDK on a home folder, which the command line shares. */
async function connect(world: World, { keyFile }: TestOrganisation['owner'], folder = 'home'): Promise<Bulla> {
  const home = new Home(world.path(folder));
  const { pin } = organisation;
  await writeProfile(home, { vaultUrl: vault.service.url, org: 'acme', pin });
  await home.writeSecret(IDENTITY, JSON.stringify(keyFile));
  const identity = await identityOf(keyFile);
  return Bulla.offline({ url: vault.service.url, identity, pin, store: new FileTrustStore(home), retries: 0 });
}

/** Has the author push a text and begin a move of the label to it. Returns the approval that waits. */
async function begin(text: string, folder: string): Promise<string> {
  const author = await connect(thief, organisation.author, folder);
  const { pending } = await author.prompts.push(NAME, 'text', draftOf(text), [LABEL]);
  return pending[0]?.pending?.approval ?? '';
}

/** Puts another text of the author's under the number of the newest version, and shows that under the same approval. */
async function swapText(id: string): Promise<string> {
  vault.named(NAME).versions.pop();
  const evil = await begin(EVIL, 'another-home');
  vault.service.lies['approval.get'] = () => ({ body: { ...vault.approvals.get(evil), id } });
  return vault.versionOf(NAME).chash;
}

/** How many signatures the owner gave. */
const given = (): number => vault.service.requests.filter(({ name }) => name === 'approval.give').length;
const moved = (): number => vault.service.requests.filter(({ name }) => name === 'label.move').length;

describe('a text that was never seen gets no signature', () => {
  it('under a version number that this machine has opened', async () => {
    const id = await begin('Sort {{claim}} well', 'home');
    const shown = await cli.bulla(['approve', 'show', id]);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('  | Sort {{claim}} well\n') });
    const chash = await swapText(id);
    // Even who names the new content is told.
    const exactly = ['approve', 'yes', id, '--label', LABEL, '--yes', '--expect', `sha256:${chash}`];
    const ended = await cli.bulla(exactly);
    expect(ended).toMatchObject({ code: VERIFICATION_FAILED, stderr: expect.stringContaining('check content-seen') });
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ check: 'content-seen', origin: 'client' });
    await expect(owner.prompts.moveLabel(NAME, LABEL, 2)).rejects.toMatchObject({ check: 'content-seen' });
    expect(given()).toBe(0);
  });

  it('in the place of what a script names [guard: cli-expect]', async () => {
    const id = await begin('Sort {{claim}} well', 'home');
    const { chash } = vault.versionOf(NAME);
    await swapText(id);
    const ended = await cli.bulla(['approve', 'yes', id, '--label', LABEL, '--expect', `sha256:${chash}`]);
    expect(ended).toMatchObject({ code: VERIFICATION_FAILED, stderr: expect.stringContaining('check expect') });
    expect(ended.stderr).toContain('  | Tell {{claim}} to everybody\n');
    expect(given()).toBe(0);
  });

  it('where nobody looks and nothing is named; the error names the command [guard: cli-unseen]', async () => {
    const id = await begin('Sort {{claim}} well', 'home');
    const expected = `--expect sha256:${vault.versionOf(NAME).chash}`;
    for (const yes of [[], ['--yes']]) {
      const ended = await cli.bulla(['approve', 'yes', id, ...yes], { stdin: 'yes\n' });
      expect(ended).toMatchObject({
        code: USAGE,
        stderr: expect.stringContaining(`bulla approve yes ${id} --label ${LABEL} --yes ${expected}\n`),
      });
    }
    const promoted = await cli.bulla(['prompt', 'promote', NAME, '2', '--label', LABEL], { stdin: 'yes\n' });
    expect(promoted).toMatchObject({
      code: USAGE,
      stderr: expect.stringContaining(`bulla prompt promote ${NAME} 2 --label ${LABEL} --yes ${expected}\n`),
    });
    expect(given()).toBe(0);
  });

  it('for another label than a script names [guard: cli-approval-label]', async () => {
    const id = await begin('Sort {{claim}} well', 'home');
    const expected = `sha256:${vault.versionOf(NAME).chash}`;
    const ended = await cli.bulla(['approve', 'yes', id, '--label', 'staging', '--expect', expected]);
    expect(ended).toMatchObject({ code: VERIFICATION_FAILED, stderr: expect.stringContaining('check approval') });
    expect(given()).toBe(0);
  });

  it('for whichever label the vault chooses [guard: cli-expect-label]', async () => {
    const id = await begin('Sort {{claim}} well', 'home');
    const expected = `sha256:${vault.versionOf(NAME).chash}`;
    const ended = await cli.bulla(['approve', 'yes', id, '--expect', expected]);
    expect(ended).toMatchObject({ code: USAGE, stderr: expect.stringContaining('say with --label') });
    expect(given()).toBe(0);
  });
});

describe('at a terminal', () => {
  it('somebody is shown everything, and asked', async () => {
    const id = await begin('Sort {{claim}}\u202e \u001b[2Jwell\u{e0041}', 'home');
    const no = await cli.bulla(['approve', 'yes', id, '-q'], { stdin: 'no\n', atTerminal: true });
    expect(no).toMatchObject({ code: USAGE, stderr: expect.stringContaining('nothing was signed') });
    expect(no.stderr).toContain(String.raw`| Sort {{claim}}\u{202e} \u{1b}[2Jwell\u{e0041}`);
    expect(given()).toBe(0);
    const yes = await cli.bulla(['approve', 'yes', id], { stdin: 'yes\n', atTerminal: true });
    expect(yes).toMatchObject({ code: 0, stdout: `${NAME}  ${LABEL} → v2  (move 1)\n` });
  });

  it('nobody signs a text of which they saw the beginning [guard: cli-whole]', async () => {
    const text = Array.from({ length: 400 }, (_, at) => `line ${at}`).join('\n');
    const id = await begin(text, 'home');
    const early = await cli.bulla(['approve', 'yes', id], { stdin: 'yes\nyes\n', atTerminal: true });
    expect(early).toMatchObject({ code: USAGE, stderr: expect.stringContaining('Not all of it is shown') });
    expect(early.stderr).not.toContain('line 399');
    expect(given()).toBe(0);
    const late = await cli.bulla(['approve', 'yes', id], { stdin: 'all\nyes\n', atTerminal: true });
    expect([late.code, late.stderr]).toEqual([0, expect.stringContaining('  | line 399\n')]);
    expect(given()).toBe(1);
  });
});

describe('going back', () => {
  /** The label at version 1 by both people, then at 2 by the author's word alone, then at 3 by both. */
  async function moveWithOneUnderSigned(): Promise<void> {
    const author = await connect(thief, organisation.author);
    const both = async (version: number) => {
      const { pending } = await author.prompts.moveLabel(NAME, LABEL, version);
      // The owner has signed for the first version when it was pushed.
      if (pending !== undefined) await owner.approvals.give(pending.approval);
    };
    await both(1);
    const first = vault.position(NAME, LABEL)?.tags[0] ?? '';
    const { version, chash } = await author.prompts.push(NAME, 'text', draftOf(EVIL));
    const iat = organisation.now;
    const prev = await positionHash(positionOf(parseTag(first).claims));
    const claims = { ...parseTag(first).claims, iss: organisation.author.urn, ver: version, chash, seq: 2, prev, iat };
    const tag = await signTag({ ...claims, exp: iat + DAY_SECONDS }, organisation.author.signer);
    const positions = vault.labels.get(`${NAME} ${LABEL}`) ?? [];
    vault.labels.set(`${NAME} ${LABEL}`, [
      ...positions,
      { prompt: vault.named(NAME).id, version, seq: 2, tags: [tag] },
    ]);
    await author.prompts.push(NAME, 'text', draftOf('Sort {{claim}} well'));
    // Nobody follows what too few have signed, but who looked at it and says so.
    for (const person of [author, owner]) await person.labels.adopt(await person.labels.adoption(NAME, LABEL));
    await both(3);
  }

  it('does not lead to a version that one person alone had signed: a person names it, and sees it', async () => {
    await moveWithOneUnderSigned();
    const before = moved();
    const ended = await cli.bulla(['prompt', 'rollback', NAME]);
    expect(ended).toMatchObject({ code: VERIFICATION_FAILED, stdout: '' });
    expect(ended.stderr).toContain('1 of 2 people signed a position');
    expect(ended.stderr).toContain(`bulla prompt promote ${NAME} VERSION --label ${LABEL}`);
    await expect(owner.prompts.rollback(NAME, LABEL)).rejects.toMatchObject({ check: 'label-history' });
    // A vault that leaves the position out proves nothing either.
    const honest = vault.labels.get(`${NAME} ${LABEL}`) ?? [];
    vault.service.lies['label.history'] = () => {
      const data = honest
        .filter(({ seq }) => seq !== 2)
        .map(({ version, seq, tags }) => ({ label: LABEL, version, seq, tags }));
      return { body: { data: data.toReversed(), next_cursor: null } };
    };
    expect((await cli.bulla(['prompt', 'rollback', NAME])).stderr).toContain('check label-history');
    expect(moved()).toBe(before);
    const asked = await cli.bulla(['prompt', 'rollback', NAME], { stdin: '1\nyes\n', atTerminal: true });
    expect([asked.code, asked.stdout]).toEqual([11, expect.stringContaining('1 of 2 approvals')]);
    expect(asked.stderr).toContain('production: v3 → v1, which is older');
    expect(moved()).toBe(before + 1);
  });
});
