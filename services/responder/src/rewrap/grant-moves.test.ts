import type { MovedGrants, OwnGrant, OwnGrantPage } from '@bulla/contract';
import type { Trust, Unwrapper } from '@bulla/crypto';
import { parseGrant, tokenHash } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import { Chores, EventLog, Metrics, ServiceKeys } from '@bulla/service-kit';
import { TestClock } from '@bulla/service-kit/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredPrompt } from '../../test/asking.js';
import { storePrompt } from '../../test/asking.js';
import type { RenewedResponder } from '../../test/renewed-responder.js';
import { listed, renewedResponder } from '../../test/renewed-responder.js';
import { openDatabase } from '../../test/responder-fixture.js';
import { RunsInFlight } from '../invocations/runs-in-flight.js';
import { GrantMover } from '../opener/grant-mover.js';
import { Unwrappers } from '../opener/unwrappers.js';
import { GrantMovesService } from './grant-moves.service.js';
import { GrantTrialsService } from './grant-trials.service.js';
import { OwnGrants } from './own-grants.js';
import { TriedGrantsRepository } from './tried-grants.repository.js';
import type { VaultGrants } from './vault-grants.js';
import { VaultRefused } from '../vault/vault-requests.js';

// A responder moves its grants by itself, past whatever the vault shows it.

let renewed: RenewedResponder;
let prompts: readonly StoredPrompt[];
let opened: Awaited<ReturnType<typeof openDatabase>>;
beforeAll(async () => {
  opened = await openDatabase('embedded');
  renewed = await renewedResponder();
  prompts = await Promise.all(Array.from({ length: 130 }, () => storePrompt(renewed.organisation)));
});
afterAll(() => opened.drop());

/** What a vault keeps for one responder, and does with it as the vault does. */
class KeptGrants {
  grants: OwnGrant[] = [];
  posts: number[] = [];
  asked = 0;
  /** Called before each post. */
  beforePost: () => void = () => {};

  collect(_trust: unknown, { kid, without, limit = 64, cursor }: Query): Promise<OwnGrantPage> {
    this.asked += 1;
    const has = (one: OwnGrant) => this.grants.some((two) => two.kid === without && placeOf(two) === placeOf(one));
    const all = this.grants.filter((one) => one.kid === kid && !has(one));
    const left = all
      .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
      .filter((one) => placeOf(one) > (cursor ?? ''));
    const data = left.slice(0, limit);
    const last = data.at(-1);
    return Promise.resolve({ data, next_cursor: left.length > limit && last !== undefined ? placeOf(last) : null });
  }

  async move(_trust: unknown, grants: readonly string[]): Promise<MovedGrants> {
    this.beforePost();
    this.posts.push(grants.length);
    const results: MovedGrants['results'][number][] = [];
    for (const grant of grants) {
      const { kid, sub, ver: version } = parseGrant(grant).header;
      const like = this.grants.find((one) => sub.endsWith(one.prompt) && one.version === version) as OwnGrant;
      const whash = await tokenHash(grant);
      const isThere = this.grants.some((one) => one.kid === kid && placeOf(one) === placeOf(like));
      const poster = renewed.member.sig.kid;
      if (!isThere) this.grants.push({ ...like, kid: kid, grant, whash, poster });
      results.push({ whash, outcome: isThere ? 'present' : 'added' });
    }
    return { results };
  }

  takeBack(_trust: unknown, { whash }: OwnGrant): Promise<void> {
    this.grants = this.grants.filter((one) => one.whash !== whash);
    return Promise.resolve();
  }
}

interface Query {
  readonly kid: string;
  readonly without?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

const placeOf = ({ prompt, version }: OwnGrant) => `${prompt} ${version}`;
let kept: KeptGrants;
/** What the responder believes; that of the renewed key unless a test goes on from there. */
let trust: Trust;
let clock: TestClock;
let lines: { event?: string; [member: string]: unknown }[];
let runs: RunsInFlight;
beforeEach(async () => {
  await opened.database.db.deleteFrom('tried_grant').execute();
  kept = new KeptGrants();
  ({ trust } = renewed);
  kept.grants = await Promise.all(prompts.map((prompt) => listed(renewed, prompt)));
  clock = new TestClock(renewed.organisation.now * 1000);
  lines = [];
  runs = new RunsInFlight();
});

/** A process of the responder. @param unwrappers of its key file; both keys unless given. */
async function startProcess(unwrappers: readonly Unwrapper[] = renewed.unwrappers): Promise<GrantMovesService> {
  return (await startBoth(unwrappers)).moves;
}

async function startBoth(unwrappers: readonly Unwrapper[] = renewed.unwrappers) {
  const log = new EventLog({
    service: 'responder',
    level: 'debug',
    stream: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
  });
  const metrics = new Metrics({
    service: 'responder',
    version: '0',
    poolState: () => ({ total: 1, idle: 1, waiting: 0 }),
  });
  const chores = { add: () => {} } as unknown as Chores;
  const mover = new GrantMover(new Unwrappers(unwrappers));
  const own = new OwnGrants(kept as unknown as VaultGrants, runs);
  const trusted = { trustOf: () => Promise.resolve(trust) } as never;
  const keys = await ServiceKeys.load(renewed.member.keyFile);
  const tried = new TriedGrantsRepository(opened.database.db);
  const trials = new GrantTrialsService(chores, mover, own, tried, trusted, keys, clock, log);
  return { trials, moves: new GrantMovesService(chores, metrics, mover, own, trials, trusted, keys, clock, log) };
}

/** How many grants each request had: two are on their way at once. */
const sizes = () => kept.posts.toSorted((one, other) => other - one);
const told = () => lines.filter(({ event }) => event === 'grants-moved');
const lacking = () => {
  const { younger, old } = renewed;
  const has = new Set(kept.grants.filter(({ kid }) => kid === younger.kid).map(placeOf));
  return kept.grants.filter((one) => one.kid === old.kid && !has.has(placeOf(one)));
};

describe('grants of an older key', () => {
  it('are moved, up to 64 in one request, and then nothing is asked for a while', async () => {
    const service = await startProcess();
    await service.look();
    expect([lacking(), sizes()]).toEqual([[], [64, 64, 2]]);
    expect(told()).toMatchObject([{ moved: 130, present: 0, unopenable: 0, refused: 0 }]);
    await service.look();
    const { asked } = kept;
    await service.look();
    expect(kept.asked).toBe(asked);
    clock.advance(61);
    await service.look();
    expect(kept.asked).toBeGreaterThan(asked);
  });

  it('are moved from where another process was killed, by what the vault lacks', async () => {
    let posts = 0;
    kept.beforePost = () => {
      posts += 1;
      if (posts > 1) throw new Error('killed');
    };
    await expect((await startProcess()).look()).rejects.toThrow('killed');
    expect(lacking()).toHaveLength(66);
    kept.beforePost = () => {};
    await (await startProcess()).look();
    expect([lacking(), sizes()]).toEqual([[], [64, 64, 2]]);
  });

  it('are moved by two processes at once without harm', async () => {
    await Promise.all([(await startProcess()).look(), (await startProcess()).look()]);
    expect(lacking()).toEqual([]);
    expect(kept.grants).toHaveLength(260);
    const moved = told().reduce((sum, line) => sum + Number(line['moved']), 0);
    expect(moved).toBe(130);
  });

  it('wait as long as the vault wants to be left alone, and for another time where it does not answer', async () => {
    let posts = 0;
    kept.beforePost = () => {
      posts += 1;
      if (posts === 1) throw new VaultRefused('busy', 1);
      if (posts === 3) throw new VaultRefused('no_connection');
    };
    const service = await startProcess();
    await service.look();
    expect(lines.at(-2)).toMatchObject({ event: 'moving-put-off', code: 'no_connection' });
    // The whole of one request is left.
    expect(lacking().length).toBeGreaterThanOrEqual(64);
    await service.look();
    expect(lacking()).toEqual([]);
  });

  it('rest after each request while runs are at work', async () => {
    const leave = await runs.enter(
      { keyid: 'a', org: 'acme' },
      { gone: new AbortController().signal, work: {} as never },
    );
    const atWork: number[] = [];
    kept.beforePost = () => void atWork.push(runs.count);
    await (await startProcess()).look();
    expect([lacking(), atWork]).toEqual([[], [1, 1, 1]]);
    leave();
  });

  it('are left where they do not open or are withdrawn, which is said, and not tried again', async () => {
    const [first, second, , , fifth] = prompts as [
      StoredPrompt,
      StoredPrompt,
      StoredPrompt,
      StoredPrompt,
      StoredPrompt,
    ];
    const [junk, foreign] = [await forged(first), await listed(renewed, second)];
    const others = await Promise.all(prompts.slice(2, 5).map((prompt) => listed(renewed, prompt)));
    kept.grants = [junk, { ...foreign, header: others[0]?.header ?? '' }, ...others];
    let calls = 0;
    const [younger, older] = renewed.unwrappers;
    const counting = { ...older, unwrap: (key: never) => (calls++, older.unwrap(key)) } as Unwrapper;
    const service = await startProcess([younger, counting]);
    trust = await renewed.organisation.publish((draft) => void draft.withdrawn.push({ sub: fifth.sub, below: 2 }));
    await service.look();
    expect(told()).toMatchObject([{ moved: 2, withdrawn: 1, unopenable: 2 }]);
    expect(lacking().map(({ prompt }) => prompt)).toEqual([junk.prompt, foreign.prompt, fifth.id]);
    const before = calls;
    clock.advance(61);
    await service.look();
    expect(calls).toBe(before);
  });

  it('take the place of what somebody else sealed to the newest and does not open', async () => {
    const [first] = prompts as [StoredPrompt];
    const { younger, member, organisation } = renewed;
    const junk = await sealUnfit(placeIn(first), { urn: member.urn, record: younger });
    const broken = `${junk.slice(0, -22)}${'A'.repeat(22)}`;
    kept.grants = [await listed(renewed, first), await listed(renewed, first, broken, organisation.author.sig.kid)];
    await (await startProcess()).look();
    expect(told()).toMatchObject([{ takenBack: 1, moved: 1 }]);
    expect(kept.grants.map(({ grant }) => grant)).not.toContain(broken);
    expect(lacking()).toEqual([]);
  });

  it('take its place at once where it is found between two passes [guard: moves-follow-trials]', async () => {
    const [first] = prompts as [StoredPrompt];
    const { younger, member, organisation } = renewed;
    const junk = await sealUnfit(placeIn(first), { urn: member.urn, record: younger });
    kept.grants = [await listed(renewed, first), await listed(renewed, first, junk, organisation.author.sig.kid)];
    const { trials, moves } = await startBoth();
    // Both begin to look while it is not there yet, and nothing is left to be moved.
    const unfit = kept.grants.splice(1, 1);
    await moves.look();
    await moves.look();
    kept.grants = [...kept.grants.filter(({ kid }) => kid !== younger.kid), ...unfit];
    await moves.look();
    expect(lacking()).toEqual([]);
    await trials.look();
    expect(kept.grants.map(({ grant }) => grant)).not.toContain(junk);
    expect(lacking()).toHaveLength(1);
    await moves.look();
    expect(lacking()).toEqual([]);
  });

  it('end where a vault shows pages without end [guard: moves-end]', async () => {
    kept.collect = () => {
      kept.asked += 1;
      return Promise.resolve({ data: [], next_cursor: kept.asked < 9 ? 'again' : null });
    };
    await (await startProcess()).look();
    expect(kept.asked).toBe(2);
  });

  it('stay where the key file does not hold the newest key: that is said once for each directory', async () => {
    const [, older] = renewed.unwrappers;
    const service = await startProcess([older]);
    await service.look();
    await service.look();
    expect(kept.asked).toBe(0);
    expect(lines.map(({ event }) => event)).toEqual(['encryption-key-not-here']);
  });
});

function placeIn({ grant }: StoredPrompt) {
  const { sub, ver, dek: dekId, chash, dkc = '' } = parseGrant(grant).header;
  return { sub, ver, dekId, chash, dkc };
}

/** A grant of the older key whose tag is wrong. */
async function forged(prompt: StoredPrompt): Promise<OwnGrant> {
  return listed(renewed, prompt, `${prompt.grant.slice(0, -22)}${'A'.repeat(22)}`);
}
