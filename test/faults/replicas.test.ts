import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mintId, sealInvocation } from '@bulla/crypto';
import { databaseForTest } from '@bulla/testkit';
import type { TestDatabase } from '@bulla/testkit';
import pg from 'pg';
import type { TestRedis } from '../../packages/service-kit/test/redis-server.js';
import { describeWithRedis, startRedis } from '../../packages/service-kit/test/redis-server.js';
import type { Asked, AskOptions, StoredPrompt } from '../../services/responder/test/asking.js';
import { ask, recordOf, storePrompt } from '../../services/responder/test/asking.js';
import { until } from './fault-watch.js';
import { ANSWER, startReplicas } from './replicas-world.js';
import type { ReplicasWorld } from './replicas-world.js';
import type { ServiceProcess } from './service-process.js';
import type { HttpAnswer, Message } from './signed-requests.js';

// What is spent at one replica is spent at the other, by the database alone: Redis may be there, go, or be missing.

const NAME = 'replicas/sorted';
const INVOCATIONS = '/api/v1/invocations';
const server = await databaseForTest({ empty: true });
await server.drop();
const withServer = server.url === undefined ? describe.skip : describe;
const withBoth = server.url === undefined ? describe.skip : describeWithRedis;

let world: ReplicasWorld;
let prompt: StoredPrompt;

const nowSeconds = () => Math.floor(Date.now() / 1000);
const question = (options: AskOptions = {}) => ask(world.organisation, prompt, { now: nowSeconds(), ...options });
const messageOf = ({ body }: Pick<Asked, 'body'>, asker = world.organisation.invoker): Promise<Message> =>
  world.sign('responder', asker, 'POST', INVOCATIONS, { body });

/** Sends a question to one replica under a fresh signature. */
async function send(replica: ServiceProcess, asked: Pick<Asked, 'body'>, asker = world.organisation.invoker) {
  return world.sendTo(replica, await messageOf(asked, asker));
}

function codeOf({ status, body }: HttpAnswer): [number, unknown] {
  return [status, (body as { code?: string } | undefined)?.code];
}

async function query(text: string, values: readonly unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
  await client.end();
  return rows;
}

/** The tests that every deployment of four processes must pass, now and after whatever happens to it. */
function itIsOneService(): void {
  it('serves a client that comes to the replicas in turn, request by request', async () => {
    const { fronts } = world;
    fronts.vault.counts.length = 0;
    fronts.responder.counts.length = 0;
    const bulla = await world.client(world.organisation.owner);
    for (let text = 1; text <= 3; text++) {
      const content = {
        messages: [{ role: 'user' as const, content: `Text ${text} of ${Date.now()}: {{claim}}` }],
        vars: { claim: { type: 'string' as const, max: 100 } },
        model: { name: 'default' },
      };
      const pushed = await bulla.prompts.push(NAME, 'text', { content, acceptsMessages: false }, ['production']);
      const answers = [await bulla.prompt(NAME).run({ claim: 'a' }), await bulla.prompt(NAME).run({ claim: 'b' })];
      expect(answers.map((answer) => [answer.text, answer.prompt.version])).toEqual([
        [ANSWER, pushed.version],
        [ANSWER, pushed.version],
      ]);
    }
    await bulla.close();
    const counts = [...fronts.vault.counts, ...fronts.responder.counts];
    expect(counts).toHaveLength(4);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(3);
  });

  it('takes a signed change once, and answers its Idempotency-Key everywhere', async () => {
    const { vaults, organisation } = world;
    const [first, second] = vaults;
    const idempotencyKey = mintId('env');
    const id = mintId('prm');
    const body = { id, name: `replicas/${id.slice(4)}`, type: 'text' };
    const sign = (of: object) =>
      world.sign('vault', organisation.author, 'POST', '/api/v1/prompts', { body: of, idempotencyKey });
    const message = await sign(body);
    const made = await world.sendTo(first, message);
    expect(made.status).toBe(201);
    expect(codeOf(await world.sendTo(second, message))).toEqual([401, 'unauthenticated']);
    const again = await world.sendTo(second, await sign(body));
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, made.text, '?1']);
    const other = await world.sendTo(second, await sign({ ...body, id: mintId('prm') }));
    expect(codeOf(other)).toEqual([422, 'idempotency_conflict']);
  });

  it('runs a question once, tells its answer everywhere, and takes its request and its envelope once', async () => {
    const { responders, organisation } = world;
    const [first, second] = responders;
    const asked = await question();
    const message = await messageOf(asked);
    const answered = await world.sendTo(first, message);
    expect(answered.status).toBe(200);
    expect(codeOf(await world.sendTo(second, message))).toEqual([401, 'unauthenticated']);
    const again = await send(second, asked);
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([200, answered.text, '?1']);
    // Another question under the spent envelope, and the same one sealed anew.
    const spent = await question({ envelope: { jti: asked.envelope.jti } });
    expect(codeOf(await send(second, spent))).toEqual([409, 'envelope_replayed']);
    const [responder] = organisation.responders;
    const recipient = { urn: responder.urn, record: recordOf(responder, 'enc') };
    const resealed = await sealInvocation(asked.question, organisation.invoker.signer, recipient);
    const body = { ...asked.body, inv: resealed.token };
    expect(codeOf(await send(second, { body }))).toEqual([422, 'idempotency_conflict']);
    expect(world.model.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
    expect(world.model.completionsOf(spent.question.jti).started).toBe(0);
  });

  it('runs a question once that comes to all replicas at the same moment, many times (F38)', async () => {
    const asked = await question();
    const both = Array.from({ length: 20 }, (_, index) => world.responders[index % 2] ?? world.responders[0]);
    const answers = await Promise.all(both.map((replica) => send(replica, asked)));
    const good = answers.filter(({ status }) => status === 200);
    expect(good.length).toBeGreaterThan(0);
    expect(new Set(good.map(({ text }) => text)).size).toBe(1);
    for (const refused of answers.filter(({ status }) => status !== 200)) {
      expect(codeOf(refused)).toEqual([409, 'indeterminate']);
      expect(refused.headers['retry-after']).toBeDefined();
    }
    expect(world.model.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
  });

  it('counts each answer once, whichever replica ended its run and whichever told the vault', async () => {
    for (const replica of world.responders) {
      const asked = await question();
      expect((await send(replica, asked)).status).toBe(200);
      for (const other of world.responders) expect((await send(other, asked)).status).toBe(200);
    }
    const untold = `select (select count(*) from responder.usage_run) + (select count(*) from responder.usage_report) as n`;
    await until('all that ended is told', async () => (await query(untold, []))[0]?.['n'] === '0');
    const bulla = await world.client(world.organisation.owner);
    const { total } = await bulla.usage.read();
    await bulla.close();
    const answered = `select count(*)::int as n from responder.audit_event
      where event ->> 'act' = 'invocation.finish' and event ->> 'res' = 'ok'`;
    expect(await query(answered, [])).toEqual([{ n: total.runs - total.failed }]);
    expect(total.runs - total.failed).toBeGreaterThanOrEqual(2);
  });
}

function itKnowsTheDead(): void {
  it('[red] believes no worker that comes back from the dead: its end counts for nothing', async () => {
    const [zombie, living] = world.responders;
    const asked = await question();
    const { jti } = asked.question;
    world.model.follow({ replies: { tokens: [ANSWER], delayBeforeTokensMs: 1_000 } });
    const pending = send(zombie, asked);
    await until('the model was asked', () => Promise.resolve(world.model.completionsOf(jti).started === 1));
    zombie.child.kill('SIGSTOP');
    try {
      // A minute later.
      await query(`update responder.invocation set heartbeat = now() - interval '61 seconds' where jti = $1`, [jti]);
      expect(codeOf(await send(living, asked))).toEqual([409, 'indeterminate']);
      await until('the model has answered', () => Promise.resolve(world.model.completionsOf(jti).finished === 1));
    } finally {
      zombie.child.kill('SIGCONT');
    }
    const late = await pending;
    expect(codeOf(late)).toEqual([409, 'indeterminate']);
    for (const replica of world.responders) expect(codeOf(await send(replica, asked))).toEqual([409, 'indeterminate']);
    const row = { state: 'indeterminate', reply: null };
    expect(await query('select state, reply from responder.invocation where jti = $1', [jti])).toEqual([row]);
    const finished = `select 1 from responder.audit_event where event ->> 'act' = 'invocation.finish'
      and event ->> 'res' = 'ok' and event -> 'obj' ->> 'invocation' = $1`;
    expect(await query(finished, [jti])).toEqual([]);
    expect(world.model.completionsOf(jti).started).toBe(1);
    world.model.follow({ replies: { tokens: [ANSWER] } });
  });
}

/** Publishes at one vault. */
async function publish(change: Parameters<ReplicasWorld['organisation']['publish']>[0]): Promise<void> {
  const { organisation, vaults } = world;
  const { version } = organisation.trust.directory;
  await organisation.publish(change, nowSeconds());
  const target = `/api/v1/organisations/${organisation.org}/directory`;
  const options = { body: { directory: organisation.documents.directory }, headers: { 'if-match': `"${version}"` } };
  const answer = await world.sendTo(vaults[0], await world.sign('vault', organisation.owner, 'PUT', target, options));
  expect(answer.status).toBe(200);
}

let devices = 0;

function itHasOneDirectory(): void {
  it('lets a new device in everywhere, and once it is revoked nowhere', async () => {
    const { organisation, vaults, responders } = world;
    const { owner } = organisation;
    const rights = { roles: ['invoker' as const], groups: ['grp:support'] };
    const device = await organisation.makeDevice(`replicas ${++devices}`, rights);
    const find = async (vault: ServiceProcess) =>
      world.sendTo(vault, await world.sign('vault', device, 'GET', '/api/v1/prompts'));
    await publish((draft) => {
      draft.entities[device.urn] = device.entity;
    });
    for (const vault of vaults) await until('let in', async () => (await find(vault)).status === 200);
    for (const responder of responders) {
      expect((await send(responder, await question({ asker: device }), device)).status).toBe(200);
    }
    const { directoryRef: before } = organisation.trust;
    await publish((draft) => {
      draft.revoked.push({ kid: device.sig.kid, reason: 'keyCompromise', at: nowSeconds() });
    });
    const hasPolled = async ({ url }: ServiceProcess) => {
      const polled = await fetch(`${url}/.well-known/bulla/${organisation.org}/directory.json`);
      return (await polled.text()) === organisation.documents.directory;
    };
    // Where it was published at once; another vault looks at the table every half second.
    expect(await hasPolled(vaults[0])).toBe(true);
    expect((await find(vaults[0])).status).toBe(401);
    await until('polled', () => hasPolled(vaults[1]));
    await until('refused', async () => (await find(vaults[1])).status === 401);
    // One responder learns of it by a question that names it, the other by the database.
    expect((await send(responders[0], await question({ asker: owner }), owner)).status).toBe(200);
    for (const responder of responders) {
      const asked = await question({ asker: device, question: { dir: before } });
      expect(codeOf(await send(responder, asked, device))).toEqual([401, 'key_revoked']);
    }
  });
}

async function start(more: Readonly<Record<string, string>> = {}): Promise<TestDatabase> {
  const database = await databaseForTest({ empty: true });
  world = await startReplicas(database.url ?? '', more);
  prompt = await storePrompt(world.organisation);
  return database;
}

withServer('two vaults and two responders on one PostgreSQL, without Redis', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await start();
  });
  afterAll(async () => {
    await world.stop();
    await database.drop();
  });

  itIsOneService();
  itKnowsTheDead();
  itHasOneDirectory();
});

withBoth('two vaults and two responders on one PostgreSQL and one Redis', () => {
  let database: TestDatabase;
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
    database = await start({ BULLA_REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await world.stop();
    await redis.drop();
    await database.drop();
  });

  itIsOneService();
  itHasOneDirectory();

  it('use Redis while it is there', async () => {
    expect((await send(world.responders[0], await question())).status).toBe(200);
    expect(await redis.admin.dbsize()).toBeGreaterThan(0);
  });

  describe('that stops half-way', () => {
    let meanwhile: readonly HttpAnswer[];
    let spent: { readonly message: Message; readonly asked: Asked; readonly answer: HttpAnswer };
    beforeAll(async () => {
      const asked = await question();
      const message = await messageOf(asked);
      spent = { asked, message, answer: await world.sendTo(world.responders[0], message) };
      const asking = Array.from({ length: 20 }, async (_, index) => {
        const replica = world.responders[index % 2] ?? world.responders[0];
        return send(replica, await question());
      });
      await Promise.race(asking);
      await redis.kill();
      meanwhile = await Promise.all(asking);
    });
    afterAll(() => redis.restart());

    it('answer everybody who asked meanwhile', () => {
      expect(meanwhile.map(codeOf)).toEqual(meanwhile.map(() => [200, undefined]));
    });

    it('remember what was spent while it was there', async () => {
      const { asked, message, answer } = spent;
      const [, other] = world.responders;
      expect(codeOf(await world.sendTo(other, message))).toEqual([401, 'unauthenticated']);
      const under = await question({ envelope: { jti: asked.envelope.jti } });
      expect(codeOf(await send(other, under))).toEqual([409, 'envelope_replayed']);
      expect(await send(other, asked)).toMatchObject({ status: 200, text: answer.text });
    });

    itIsOneService();
    itKnowsTheDead();
    itHasOneDirectory();
  });
});
