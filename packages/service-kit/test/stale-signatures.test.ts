import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestResponse } from '../src/testing.js';
import type { Tiny, TinyOptions } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// [red] A good signature that was refused for its time, or because the organisation's documents had expired, took no
// points: one old request, its own or captured, made the service sign refusals for as long as somebody sent it.

const PATH = '/api/v1/prompts';
const TIMES = 20;
let tiny: Tiny | undefined;
const start = async (options: TinyOptions): Promise<Tiny> => (tiny = await startTiny(options));
afterEach(() => tiny?.stop());

const many = async (ask: () => Promise<TestResponse>): Promise<TestResponse[]> => {
  const answers: TestResponse[] = [];
  while (answers.length < TIMES) answers.push(await ask());
  return answers;
};
const signed = (answers: readonly TestResponse[]) => answers.filter(({ headers }) => headers['signature']).length;
const codes = (answers: readonly TestResponse[]) => [
  ...new Set(answers.map(({ body }) => (body as { code: string }).code)),
];

describe('refusals that take no points', () => {
  it('of signatures of another time are signed as often as a key may ask, then like those of strangers [guard: request-stale]', async () => {
    const { owner, clock } = await start({ rates: { keyPerSecond: 1 } });
    const answers = await many(() => owner.get(PATH, { signedAt: clock.now() - 3_600 }));
    expect(codes(answers)).toEqual(['clock_skew']);
    expect(signed(answers)).toBe(6);
    clock.advance(7);
    expect(signed(await many(() => owner.get(PATH, { signedAt: clock.now() - 3_600 })))).toBe(6);
  });

  it('leave a key what it may ask, whoever replays its old requests', async () => {
    const { owner, clock } = await start({ rates: { keyPerSecond: 1 } });
    const captured = { signedAt: clock.now() - 3_600, nonce: 'AAAAAAAAAAAAAAAAAAAAAA' };
    expect(signed(await many(() => owner.get(PATH, captured)))).toBe(6);
    const answers: number[] = [];
    while (answers.length < 6) answers.push((await owner.get(PATH)).status);
    expect(answers).toEqual([200, 200, 200, 200, 200, 200]);
  });

  it('of reads that were answered already leave a key what it may ask, and write no row for each [guard: read-nonce]', async () => {
    const { owner, database } = await start({ rates: { keyPerSecond: 1 } });
    const captured = { nonce: 'AAAAAAAAAAAAAAAAAAAAAA' };
    const rows = () => database.db.selectFrom('audit_event').selectAll().orderBy('at').execute();
    expect((await owner.get(PATH, captured)).status).toBe(200);
    const before = (await rows()).length;
    const again = await many(() => owner.get(PATH, captured));
    expect(codes(again)).toEqual(['unauthenticated']);
    expect(again[0]?.body).toMatchObject({ detail: 'this signature was used already' });
    expect((await rows()).length).toBe(before);
    const own: number[] = [];
    while (own.length < 5) own.push((await owner.get(PATH)).status);
    expect(own).toEqual([200, 200, 200, 200, 200]);
  });

  it('count against the address from then on', async () => {
    const { owner, clock, service } = await start({ rates: { keyPerSecond: 1, failuresPerSecond: 3 } });
    const { metricsPort } = await service.listen();
    await many(() => owner.get(PATH, { signedAt: clock.now() - 3_600 }));
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(metrics).toContain(`bulla_ratelimit_rejections_total{kind="refusals",service="vault"} ${TIMES - 6}`);
    expect(metrics).toContain('bulla_ratelimit_rejections_total{kind="failures",service="vault"} 1');
  });

  it('of an organisation whose documents have expired are bounded as well', async () => {
    const { owner, acme, clock } = await start({ rates: { keyPerSecond: 1 } });
    clock.advance(Date.parse(acme.trust.directory.expires) / 1000 - clock.now() + 1);
    const answers = await many(() => owner.get(PATH));
    expect(codes(answers)).toEqual(['trust_expired']);
    expect(signed(answers)).toBe(6);
  });
});
