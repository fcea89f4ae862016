import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { signDirectoryFreshness } from '@bulla/crypto';
import { documentOf, wordsAsServed } from '../../test/responder-fixture.js';
import { TrustRoom } from '../../test/trust-room.js';
import { SeenDocumentsRepository } from './seen-documents.repository.js';

const DAY_SECONDS = 86_400;

let room: TrustRoom;
beforeAll(async () => {
  room = await TrustRoom.open();
});
afterAll(() => room.drop());
beforeEach(async () => {
  await room.begin({ renewers: 2 });
  serve([]);
});
afterEach(() => room.vault.close());

/** Serves these words beside the newest documents. */
function serve(words: readonly string[]): void {
  room.vault.answer = (name) => (name === 'fresh.json' ? wordsAsServed(words) : documentOf(room.organisation, name));
}

const say = (at = room.clock.now(), index = 0) =>
  room.organisation.freshDirectory(at, room.organisation.renewers[index]);
const events = (wanted: string) =>
  room.lines.map((line) => JSON.parse(line) as { event: string }).filter(({ event }) => event === wanted);

describe('what renewers say of the directory', () => {
  it('keeps a responder at work, and without it there is no work after a week', async () => {
    const source = room.replica();
    await source.probe();
    room.clock.advance(7 * DAY_SECONDS);
    await room.refresh(source);
    await expect(source.probe()).rejects.toMatchObject({ code: 'trust_expired', check: 'directory-fresh' });
    const word = await say();
    serve([word]);
    await room.refresh(source);
    await source.probe();
    expect((await source.trustOf('acme'))?.documents.fresh).toEqual([word]);
    // So does one that starts now.
    await room.replica().probe();
  });

  it('is taken without reading or writing the documents anew', async () => {
    const source = room.replica();
    const before = await source.trustOf('acme');
    const replace = jest.spyOn(SeenDocumentsRepository.prototype, 'replace');
    room.clock.advance(DAY_SECONDS);
    serve([await say()]);
    await room.refresh(source);
    const after = await source.trustOf('acme');
    expect(after?.freshness.until).toBe(room.clock.now() - 2 + 7 * DAY_SECONDS);
    expect(after?.directory).toBe(before?.directory);
    expect(replace).not.toHaveBeenCalled();
    expect(events('trust-loaded')).toHaveLength(1);
    jest.restoreAllMocks();
  });

  it('counts only for the directory that it is of', async () => {
    const source = room.replica();
    await source.probe();
    const old = await say();
    await room.organisation.publish(() => {}, room.clock.now());
    serve([old]);
    room.clock.advance(7 * DAY_SECONDS - 1);
    await room.refresh(source);
    await expect(source.probe()).rejects.toMatchObject({ code: 'trust_expired', check: 'directory-fresh' });
    serve([old, await say()]);
    await room.refresh(source);
    await source.probe();
  });

  it('is taken from a second renewer where one of them says nothing that counts', async () => {
    const source = room.replica();
    room.clock.advance(8 * DAY_SECONDS);
    const words = [await say(room.organisation.now), await say(room.clock.now(), 1)];
    serve(words);
    expect((await source.trustOf('acme'))?.documents.fresh).toEqual(words.slice(1));
    await source.probe();
  });

  it('is none at a vault that serves none', async () => {
    room.vault.answer = (name) => (name === 'fresh.json' ? undefined : documentOf(room.organisation, name));
    const source = room.replica();
    await source.probe();
    expect((await source.trustOf('acme'))?.documents.fresh).toBeUndefined();
  });

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['of another form', '{"v":2,"fresh":[]}'],
    ['with a member more', '{"v":1,"fresh":[],"more":1}'],
    ['no tokens', '{"v":1,"fresh":["a b"]}'],
    ['seventeen of them', wordsAsServed(Array.from({ length: 17 }, () => 'a.b.c'))],
  ])('is not read where it is %s [guard: documents-words]', async (_name, text) => {
    const source = room.replica();
    await source.probe();
    room.vault.answer = (name) => (name === 'fresh.json' ? text : documentOf(room.organisation, name));
    await room.refresh(source);
    expect(room.refusals()).toEqual(['malformed']);
    await source.probe();
  });

  it('counts again when it is not ahead any more of this clock', async () => {
    const source = room.replica();
    room.clock.advance(8 * DAY_SECONDS);
    serve([await say(room.clock.now() + 90)]);
    await expect(source.probe()).rejects.toMatchObject({ code: 'clock_skew' });
    room.clock.advance(60);
    await room.refresh(source);
    await source.probe();
  });

  it('is an alarm where it is of another branch', async () => {
    const source = room.replica();
    await source.probe();
    const [renewer] = room.organisation.renewers;
    if (renewer === undefined) throw new Error('acme has renewers');
    const iat = room.clock.now();
    const word = await signDirectoryFreshness(
      {
        iss: renewer.urn,
        aud: 'urn:bulla:acme',
        dir: { ver: 1, hash: 'A'.repeat(43) },
        iat,
        exp: iat + 600,
        purpose: 'directory.fresh',
      },
      renewer.fresh,
    );
    serve([word]);
    await room.refresh(source);
    expect(events('trust-fork')).toMatchObject([{ org: 'acme', directoryVersion: 1 }]);
    await room.refresh(source);
    expect(events('trust-fork')).toHaveLength(1);
    await source.probe();
  });

  it('is watched: what is held is known', async () => {
    const source = room.replica();
    expect(source.held()).toEqual([]);
    const trust = await source.trustOf('acme');
    expect(source.held()).toEqual([trust]);
  });
});
