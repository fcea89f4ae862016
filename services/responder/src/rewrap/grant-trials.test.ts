import type { OwnGrant, OwnGrantPage } from '@bulla/contract';
import { parseGrant } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import type { Chores } from '@bulla/service-kit';
import { EventLog, ServiceKeys } from '@bulla/service-kit';
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
import { VaultRefused } from '../vault/vault-requests.js';
import { GrantTrialsService } from './grant-trials.service.js';
import { OwnGrants } from './own-grants.js';
import { TriedGrantsRepository } from './tried-grants.repository.js';

// A responder opens what is sealed to it soon after it came, and takes back what is unfit.

let renewed: RenewedResponder;
let prompts: readonly StoredPrompt[];
let opened: Awaited<ReturnType<typeof openDatabase>>;
beforeAll(async () => {
  opened = await openDatabase('embedded');
  renewed = await renewedResponder();
  prompts = await Promise.all(Array.from({ length: 3 }, () => storePrompt(renewed.organisation)));
});
afterAll(() => opened.drop());

interface Arrived {
  readonly one: OwnGrant;
  readonly at: number;
}
let kept: Arrived[];
let asked: { kid: string; since?: number; by?: string }[];
let takenBack: string[];
let refusing: VaultRefused | undefined;
let clock: TestClock;
let unwraps: number;
let lines: { event?: string; [member: string]: unknown }[];

beforeEach(async () => {
  await opened.database.db.deleteFrom('tried_grant').execute();
  clock = new TestClock(renewed.organisation.now * 1000);
  [kept, asked, takenBack, lines, unwraps, refusing] = [[], [], [], [], 0, undefined];
  for (const prompt of prompts) await arrive(prompt);
});

async function arrive(prompt: StoredPrompt, grant = prompt.grant): Promise<string> {
  const one = await listed(renewed, prompt, grant);
  kept.push({ one, at: clock.now() });
  return one.whash;
}

/** A random key under the right header, for the older key of the responder. */
function unfit(prompt: StoredPrompt): Promise<string> {
  const { sub, ver, dek: dekId, chash, dkc = '' } = parseGrant(prompt.grant).header;
  return sealUnfit({ sub, ver, dekId, chash, dkc }, { urn: renewed.member.urn, record: renewed.old });
}

const vault = {
  collect(_trust: unknown, { kid, since, by }: { kid: string; since?: number; by?: 'others' }): Promise<OwnGrantPage> {
    if (refusing !== undefined) return Promise.reject(refusing);
    asked.push({ kid, ...(since !== undefined && { since }), ...(by !== undefined && { by }) });
    const data = kept.filter(({ one, at }) => one.kid === kid && at >= (since ?? 0)).map(({ one }) => one);
    return Promise.resolve({ data, next_cursor: null });
  },
  takeBack(_trust: unknown, { whash }: OwnGrant): Promise<void> {
    takenBack.push(whash);
    kept = kept.filter(({ one }) => one.whash !== whash);
    return Promise.resolve();
  },
};

async function startProcess(): Promise<GrantTrialsService> {
  const log = new EventLog({
    service: 'responder',
    level: 'debug',
    stream: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
  });
  const counting = renewed.unwrappers.map((one) => ({
    ...one,
    unwrap: (...sealed: Parameters<typeof one.unwrap>) => ((unwraps += 1), one.unwrap(...sealed)),
  }));
  return new GrantTrialsService(
    { add: () => {} } as unknown as Chores,
    new GrantMover(new Unwrappers(counting)),
    new OwnGrants(vault as never, new RunsInFlight()),
    repository(),
    { trustOf: () => Promise.resolve(renewed.trust) } as never,
    await ServiceKeys.load(renewed.member.keyFile),
    clock,
    log,
  );
}
const repository = () => new TriedGrantsRepository(opened.database.db);
const tried = (kid = renewed.old.kid) => repository().list('acme', kid, undefined, 100);

describe('what is sealed to a responder', () => {
  it('is tried once, by whichever process, and what is fit is known to be', async () => {
    await (await startProcess()).look();
    expect([unwraps, takenBack]).toEqual([3, []]);
    expect((await tried()).map(({ fit }) => fit)).toEqual([true, true, true]);
    await (await startProcess()).look();
    expect(unwraps).toBe(3);
  });

  it('is taken back where it is unfit, which is said with who posted it, and what takes its place is tried', async () => {
    const service = await startProcess();
    await service.look();
    const [prompt] = prompts as [StoredPrompt];
    clock.advance(100);
    kept.splice(0, 1);
    const bad = await arrive(prompt, await unfit(prompt));
    await service.look();
    expect(takenBack).toEqual([bad]);
    const poster = renewed.organisation.author.sig.kid;
    expect(lines).toMatchObject([{ event: 'grant-unfit', prompt: prompt.id, version: 1, poster }]);
    expect((await tried()).filter(({ fit }) => !fit)).toEqual([{ whash: bad, fit: false }]);
    const good = await arrive(prompt);
    await service.look();
    expect(takenBack).toEqual([bad]);
    expect(await tried()).toContainEqual({ whash: good, fit: true });
  });

  it('is taken back again where the same is posted again, without another trial [guard: unfit-posted-again]', async () => {
    const [prompt] = prompts as [StoredPrompt];
    const bytes = await unfit(prompt);
    kept.splice(0, 1);
    const bad = await arrive(prompt, bytes);
    const service = await startProcess();
    await service.look();
    expect([takenBack, unwraps]).toEqual([[bad], 3]);
    // By whichever process, and as often as it comes.
    for (const process of [service, await startProcess()]) {
      await arrive(prompt, bytes);
      await process.look();
    }
    expect([takenBack, unwraps]).toEqual([[bad, bad, bad], 3]);
    expect(kept.some(({ one }) => one.whash === bad)).toBe(false);
    expect(lines.filter(({ event }) => event === 'grant-unfit')).toHaveLength(3);
    expect((await tried()).filter(({ fit }) => !fit)).toEqual([{ whash: bad, fit: false }]);
  });

  it('is asked for by when it came, with two minutes for clocks that differ; by a new process all of it', async () => {
    const service = await startProcess();
    const first = clock.now();
    await service.look();
    clock.advance(20);
    await service.look();
    const [younger, old] = [renewed.younger.kid, renewed.old.kid];
    expect(asked).toEqual([
      { kid: younger },
      { kid: old },
      { kid: younger, since: first - 120, by: 'others' },
      { kid: old, since: first - 120, by: 'others' },
    ]);
  });

  it('is all asked for again where the vault did not answer to the end', async () => {
    const service = await startProcess();
    refusing = new VaultRefused('no_connection');
    await service.look();
    expect(lines).toMatchObject([{ event: 'trying-put-off', code: 'no_connection' }]);
    refusing = undefined;
    await service.look();
    expect(asked.every(({ since }) => since === undefined)).toBe(true);
    expect(await tried()).toHaveLength(3);
  });

  it('is left alone where nothing can be said of it: of a content that commits to no key, or of another', async () => {
    const earlier = await storePrompt(renewed.organisation, { isEarlier: true });
    await arrive(earlier);
    const [first, second] = kept as [Arrived, Arrived];
    kept[0] = { ...first, one: { ...first.one, header: second.one.header } };
    await (await startProcess()).look();
    expect(takenBack).toEqual([]);
    expect(await tried()).toHaveLength(2);
  });

  it('is forgotten with its key', async () => {
    await repository().add('acme', 'A'.repeat(43), [{ whash: 'B'.repeat(43), fit: true }]);
    await (await startProcess()).look();
    expect(await tried('A'.repeat(43))).toEqual([]);
  });
});
