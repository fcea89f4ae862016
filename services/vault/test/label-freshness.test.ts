import { beforeEach, describe, expect, it } from '@jest/globals';
import type { LabelHistory, LabelList, LabelPosition, StandingLabel, StandingLabelPage } from '@bulla/contract';
import { signLabelFreshness } from '@bulla/crypto';
import type { PromptRef, SealedVersion, TagWish } from './authoring.js';
import { basedOn, bodyOf, moveLabel, must, posOf, publishPrompt, tagOf } from './authoring.js';
import { bringWords, freshenDirectory, renewerOf, wordFor } from './freshening.js';
import { expectRefusal } from './refusals.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';
import { shareVault } from './shared-vault.js';

const DAY_SECONDS = 86_400;
const PATH = '/api/v1/labels';

describe.each<Store>(['PostgreSQL', 'PGlite'])('what renewers say of labels on %s', (store) => {
  let vault: TestVault;
  const freshen = async () => {
    await freshenDirectory(vault, vault.acme);
    await freshenDirectory(vault, vault.other);
  };
  const start = shareVault(
    store,
    (started) => void (vault = started),
    async ({ clock }) => {
      // By themselves, neither the directory nor a tag of its day count any more.
      clock.advance(8 * DAY_SECONDS);
      await freshen();
    },
  );
  beforeEach(freshen);

  type Versioned = PromptRef & { readonly version: SealedVersion };
  const first = ({ version }: Versioned): TagWish => ({
    tag: 'latest',
    ver: 1,
    chash: version.chash,
    seq: 1,
    prev: '',
  });
  const author = () => vault.clientOf(vault.acme.author);
  const say = (prompt: Versioned, wish = first(prompt), renewer = renewerOf(vault.acme), at = vault.clock.now()) =>
    wordFor(vault.acme, prompt, wish, at, renewer);
  const bring = (words: readonly string[], index = 0) => bringWords(vault, words, renewerOf(vault.acme, index));
  const positionOf = async ({ id }: PromptRef, label = 'latest') =>
    bodyOf<LabelPosition>(must(200, await author().get(`/api/v1/prompts/${id}/labels/${label}`)));
  const labels = async (organisation = vault.acme, query = '?limit=200') =>
    bodyOf<StandingLabelPage>(must(200, await vault.clientOf(renewerOf(organisation)).get(PATH + query)));

  describe('and all of them', () => {
    it('are listed by name and label, deleted ones too, page by page', async () => {
      const { acme } = vault;
      const [one, two] = [await publishPrompt(vault, acme, 'paged/a'), await publishPrompt(vault, acme, 'paged/b')];
      await moveLabel(vault, acme, two, { tag: 'production', ver: 0, chash: '', seq: 2 });
      must(204, await author().delete(`/api/v1/prompts/${one.id}`));
      const all = (await labels()).data;
      const mine = all.filter(({ name }) => name.startsWith('paged/'));
      const where = ({ name, label, prompt, seq, version }: StandingLabel) => ({ name, label, prompt, seq, version });
      expect(mine.map(where)).toEqual([
        { name: 'paged/a', label: 'latest', prompt: one.id, seq: 1, version: 1 },
        { name: 'paged/a', label: 'production', prompt: one.id, seq: 1, version: 1 },
        { name: 'paged/b', label: 'latest', prompt: two.id, seq: 1, version: 1 },
        { name: 'paged/b', label: 'production', prompt: two.id, seq: 2, version: 0 },
      ]);
      expect(mine.map(({ tags }) => tags.length)).toEqual([1, 1, 1, 1]);
      const paged: StandingLabel[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: StandingLabelPage = await labels(acme, `?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
        paged.push(...page.data);
        cursor = page.next_cursor;
      }
      expect(paged).toEqual(all);
    });

    it('are of one organisation [guard: org-standing-page]', async () => {
      await publishPrompt(vault, vault.acme);
      expect((await labels(vault.other)).data).toEqual([]);
    });

    it('show the tags that have ended, and what other renewers say', async () => {
      const { acme, clock } = vault;
      const prompt = await publishPrompt(vault, acme, 'shown/all');
      const wish = { tag: 'staging', ver: 1, chash: prompt.version.chash, seq: 1, exp: clock.now() + 60 };
      const ended = await moveLabel(vault, acme, prompt, wish);
      clock.advance(61);
      const words = [await say(prompt), await say(prompt, first(prompt), renewerOf(acme, 1), clock.now() + 1)];
      must(200, await bring([words[0] ?? '']));
      must(200, await bring([words[1] ?? ''], 1));
      const mine = (await labels()).data.filter(({ name }) => name === 'shown/all');
      const said = mine.map(({ label, tags, fresh }) => [label, tags.length, fresh]);
      expect(said).toEqual([
        ['latest', 1, words.toReversed()],
        ['production', 1, []],
        ['staging', 1, []],
      ]);
      expect(mine[2]?.tags).toEqual([ended]);
    });
  });

  it('goes with the position, however lately that was signed, and with an envelope where that is long ago', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    expect((await positionOf(prompt)).fresh).toEqual([]);
    const word = await say(prompt);
    expect(bodyOf(must(200, await bring([word])))).toEqual({ taken: 1 });
    expect((await positionOf(prompt)).fresh).toEqual([word]);
    const listed = bodyOf<LabelList>(must(200, await author().get(`/api/v1/prompts/${prompt.id}/labels`)));
    expect(listed.data.map(({ label, fresh }) => [label, fresh])).toEqual([
      ['latest', [word]],
      ['production', []],
    ]);
    const path = `/api/v1/prompts/${prompt.id}/labels/latest/positions`;
    expect(bodyOf<LabelHistory>(must(200, await author().get(path))).data.map(({ fresh }) => fresh)).toEqual([[]]);
    // Who signs it today says so as well as any renewer; who signs it next needs the renewer's word all the same.
    const tag = await tagOf(acme, acme.author, prompt, { ...first(prompt), iat: vault.clock.now() });
    const confirmed = await author().post(`/api/v1/prompts/${prompt.id}/labels/latest/tags`, { tag });
    expect(bodyOf<LabelPosition>(must(200, confirmed)).fresh).toEqual([word]);
  });

  it('is gone when the label moves, deletions too', async () => {
    const prompt = await publishPrompt(vault, vault.acme);
    must(200, await bring([await say(prompt)]));
    await moveLabel(vault, vault.acme, prompt, {
      ...first(prompt),
      seq: 2,
      prev: await posOf(vault.acme, prompt, first(prompt)),
    });
    expect(await positionOf(prompt)).toMatchObject({ seq: 2, fresh: [] });
    const moved = { ...first(prompt), seq: 2, prev: await posOf(vault.acme, prompt, first(prompt)) };
    const word = await say(prompt, moved);
    must(200, await bring([word]));
    expect((await positionOf(prompt)).fresh).toEqual([word]);
    const gone = { ...moved, ver: 0, chash: '', seq: 3, prev: await posOf(vault.acme, prompt, moved) };
    await moveLabel(vault, vault.acme, prompt, gone);
    // A deletion counts without anybody's word, and gets none.
    expect(bodyOf(must(200, await bring([await say(prompt, gone)])))).toEqual({ taken: 0 });
    expect(await positionOf(prompt)).toMatchObject({ version: 0, fresh: [] });
  });

  it('is left aside where the label has moved since, and the rest is taken', async () => {
    const [one, two] = [await publishPrompt(vault, vault.acme), await publishPrompt(vault, vault.acme)];
    const words = [await say(one), await say(two)];
    await moveLabel(vault, vault.acme, one, { ...first(one), seq: 2, prev: await posOf(vault.acme, one, first(one)) });
    expect(bodyOf(must(200, await bring(words)))).toEqual({ taken: 1 });
    expect([(await positionOf(one)).fresh, (await positionOf(two)).fresh]).toEqual([[], [words[1]]]);
  });

  it('is the last of each renewer, whatever comes later [guard: vault-label-fresh-newest]', async () => {
    const { acme, clock } = vault;
    const prompt = await publishPrompt(vault, acme);
    const early = await say(prompt, first(prompt), renewerOf(acme), clock.now() - 30);
    const word = await say(prompt);
    must(200, await bring([word]));
    expect(bodyOf(must(200, await bring([early])))).toEqual({ taken: 1 });
    expect((await positionOf(prompt)).fresh).toEqual([word]);
    clock.advance(5);
    const second = await say(prompt, first(prompt), renewerOf(acme, 1));
    must(200, await bring([second], 1));
    expect((await positionOf(prompt)).fresh).toEqual([second, word]);
    clock.advance(5);
    const later = await say(prompt);
    must(200, await bring([later]));
    expect((await positionOf(prompt)).fresh).toEqual([later, second]);
  });

  it('is taken once for one Idempotency-Key', async () => {
    const prompt = await publishPrompt(vault, vault.acme);
    const word = await say(prompt);
    const send = () => bringWords(vault, [word], renewerOf(vault.acme), { idempotencyKey: `words-of-${prompt.id}` });
    must(200, await send());
    await moveLabel(vault, vault.acme, prompt, {
      ...first(prompt),
      seq: 2,
      prev: await posOf(vault.acme, prompt, first(prompt)),
    });
    const again = must(200, await send());
    expect([bodyOf(again), again.headers['idempotent-replayed']]).toEqual([{ taken: 1 }, '?1']);
  });

  describe('refuses all where one is', () => {
    type Bad = (prompt: Versioned) => Promise<string[]>;
    const claimsOf = async (prompt: Versioned) => {
      const { acme, clock } = vault;
      const wish = first(prompt);
      const place = { name: prompt.name, tag: wish.tag, seq: wish.seq, pos: await posOf(acme, prompt, wish) };
      const times = { iat: clock.now(), exp: clock.now() + DAY_SECONDS };
      const { urn } = renewerOf(acme);
      const dir = acme.trust.directoryRef;
      return { iss: urn, aud: 'urn:bulla:acme', ...place, dir, ...times, purpose: 'tag.fresh' as const };
    };
    const signed = async (prompt: Versioned, change: object) => [
      await signLabelFreshness({ ...(await claimsOf(prompt)), ...change }, renewerOf(vault.acme).fresh),
    ];
    it.each<[string, number, string, Bad]>([
      [
        'forged [guard: vault-label-fresh]',
        401,
        'signature_invalid',
        async (prompt) => {
          const [head, claims] = (await say(prompt)).split('.');
          const [, , signature] = (await say(prompt, first(prompt), renewerOf(vault.acme), 5)).split('.');
          return [[head, claims, signature].join('.')];
        },
      ],
      [
        'of another renewer',
        403,
        'forbidden',
        async (prompt) => [await say(prompt, first(prompt), renewerOf(vault.acme, 1))],
      ],
      [
        'kept back',
        401,
        'clock_skew',
        async (prompt) => [await say(prompt, first(prompt), renewerOf(vault.acme), vault.clock.now() - 61)],
      ],
      [
        'ahead',
        401,
        'clock_skew',
        async (prompt) => [await say(prompt, first(prompt), renewerOf(vault.acme), vault.clock.now() + 61)],
      ],
      [
        'for a label twice [guard: vault-fresh-twice]',
        400,
        'validation_failed',
        async (prompt) => [await say(prompt), await say(prompt, { ...first(prompt), seq: 2 })],
      ],
      [
        'by a directory of another branch',
        409,
        'trust_rollback',
        (prompt) => signed(prompt, { dir: { ver: 1, hash: 'A'.repeat(43) } }),
      ],
      [
        'by a directory that never was',
        401,
        'key_unknown',
        (prompt) => signed(prompt, { dir: { ver: 99, hash: 'A'.repeat(43) } }),
      ],
      ['of another organisation', 400, 'envelope_tampered', (prompt) => signed(prompt, { aud: 'urn:bulla:other' })],
      ['for the directory', 400, 'validation_failed', async () => [await vault.acme.freshDirectory(vault.clock.now())]],
    ])('%s', async (_name, status, code, make) => {
      const [prompt, good] = [await publishPrompt(vault, vault.acme), await publishPrompt(vault, vault.acme)];
      const words = [await say(good), ...(await make(prompt))];
      await expectRefusal(vault, () => bring(words), status, code as 'forbidden');
      expect([(await positionOf(prompt)).fresh, (await positionOf(good)).fresh]).toEqual([[], []]);
      must(200, await bring([await say(good)]));
    });
  });

  it('is taken by an older directory of the chain', async () => {
    const { acme, clock } = vault;
    const prompt = await publishPrompt(vault, acme);
    const word = await say(prompt);
    await publishDirectory();
    expect(acme.trust.directoryRef.ver).toBeGreaterThan(1);
    expect(bodyOf(must(200, await bring([word])))).toEqual({ taken: 1 });
    clock.advance(1);
    expect((await positionOf(prompt)).fresh).toEqual([word]);
  });

  it('of another organisation is nothing here [guard: org-standing]', async () => {
    const { acme, other, clock } = vault;
    const prompt = await publishPrompt(vault, acme);
    const pos = await posOf(acme, prompt, first(prompt));
    const place = { name: prompt.name, label: 'latest', seq: 1, pos };
    const foreign = renewerOf(other);
    const word = await other.freshPosition(place, clock.now(), foreign);
    const answer = await bringWords(vault, [word], foreign);
    expect([answer.status, answer.body]).toEqual([200, { taken: 0 }]);
    expect((await positionOf(prompt)).fresh).toEqual([]);
  });

  it('is not passed on while it is ahead of this clock [guard: vault-served-ahead]', async () => {
    const { acme, clock } = vault;
    const prompt = await publishPrompt(vault, acme);
    const word = await say(prompt, first(prompt), renewerOf(acme), clock.now() + 50);
    must(200, await bring([word]));
    clock.advance(-11);
    expect((await positionOf(prompt)).fresh).toEqual([]);
    clock.advance(11);
    expect((await positionOf(prompt)).fresh).toEqual([word]);
  });

  it('is brought and followed while the directory itself is not fresh, and nothing else is done', async () => {
    const own = await startVault(store);
    const { acme, clock } = own;
    const prompt = await publishPrompt(own, acme);
    must(204, await own.clientOf(acme.author).delete(`/api/v1/prompts/${prompt.id}`));
    clock.advance(8 * DAY_SECONDS);
    const renewer = own.clientOf(renewerOf(acme));
    const chain = `/api/v1/prompts/${prompt.id}/labels/latest/chain`;
    expect(bodyOf<StandingLabelPage>(must(200, await renewer.get(PATH))).data).toHaveLength(2);
    expect(bodyOf<{ data: unknown[] }>(must(200, await renewer.get(chain))).data).toHaveLength(1);
    const word = await wordFor(acme, prompt, first(prompt), clock.now());
    expect(bodyOf(must(200, await bringWords(own, [word], renewerOf(acme))))).toEqual({ taken: 1 });
    await expectRefusal(own, () => own.clientOf(acme.owner).get('/api/v1/prompts'), 403, 'trust_expired');
    await own.stop();
  });

  it('is not passed on once its renewer is none any more [guard: vault-served-renewer]', async () => {
    // The second renewer is gone afterwards.
    await start();
    const { acme, clock } = vault;
    const prompt = await publishPrompt(vault, acme);
    const gone = renewerOf(acme, 1);
    must(200, await bring([await say(prompt, first(prompt), gone)], 1));
    expect((await positionOf(prompt)).fresh).toHaveLength(1);
    await publishDirectory((draft) => {
      delete draft.entities[gone.urn];
    });
    clock.advance(1);
    expect((await positionOf(prompt)).fresh).toEqual([]);
  });

  async function publishDirectory(change: Parameters<TestVault['acme']['publish']>[0] = () => {}): Promise<void> {
    const { acme, clock } = vault;
    const from = acme.trust.directory.version;
    await acme.publish(change, clock.now());
    const { directory } = acme.documents;
    must(
      200,
      await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)),
    );
  }
});
