import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mintId } from '@bulla/crypto';
import { findPostgres, isLongRun, startTestPostgres, type TestPostgres } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ask } from '../../services/responder/test/asking.js';
import { type RestorableCluster, startRestorableCluster } from '../../services/responder/test/restoring.js';
import { ready, until } from './fault-watch.js';
import { query } from './postgres-control.js';
import { type ResponderWorld, startResponderWorld } from './responder-world.js';
import { type ServiceProcess, startService } from './service-process.js';
import { findFaketime, ShiftedClock } from './shifted-clock.js';
import { call, send, signedMessage } from './signed-requests.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// The clock of a service and the one of its database, each wrong in its own way: what was used must not be usable again.
// Whole processes, PostgreSQL too. The clock of the machine stays what it is.

const library = findFaketime();
const hasServer = findPostgres() !== undefined;
const withClocks = library === undefined || !hasServer ? describe.skip : describe;
const withServer = hasServer ? describe : describe.skip;
/** What services forget is in no line of their log at a lower level. */
const DEBUG = { BULLA_LOG_LEVEL: 'debug' };
const present = () => Math.floor(Date.now() / 1000);

withClocks('a responder', () => {
  let folder: string;
  let own: ShiftedClock;
  let theirs: ShiftedClock;
  let server: TestPostgres;
  let world: ResponderWorld;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-apart-'));
    // The server is another user's process.
    await chmod(folder, 0o755);
    const [ownFolder, theirFolder] = [join(folder, 'own'), join(folder, 'theirs')];
    await mkdir(ownFolder);
    await mkdir(theirFolder);
    own = new ShiftedClock(library ?? '', ownFolder);
    theirs = new ShiftedClock(library ?? '', theirFolder);
    server = await startTestPostgres({ environment: theirs.environment });
    world = await startResponderWorld(server.url, { ...own.environment, ...DEBUG });
  });
  afterEach(() => {
    own.shift('+0');
    theirs.shift('+0');
  });
  afterAll(async () => {
    await world.stop();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const completions = (jti: string) => world.upstream.completionsOf(jti).started;

  it.each([
    ['are each a little wrong, to either side', '-58s', '+58s', present],
    ['differ, because its database jumps ahead', '+0', '+1h', present],
    ['differ, because its database jumps back', '+0', '-1h', present],
  ])(
    'whose clock and its database’s %s runs nothing, says why, and goes on by itself',
    async (_name, mine, other, at) => {
      const said = world.responder.events('clock-stops-claims').length;
      const agreed = world.responder.events('clock-agrees-again').length;
      const asked = await world.question({ now: at() });
      own.shift(mine);
      theirs.shift(other);
      const refused = await world.send(asked);
      expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded', retryable: true } });
      expect(refused.headers['retry-after']).toBeDefined();
      expect(await world.send(asked)).toMatchObject({ status: 503 });
      await until('not ready', async () => (await ready(world.responder.url)) === 503);
      expect(completions(asked.question.jti)).toBe(0);
      await until('said', async () => world.responder.events('clock-stops-claims').length > said);
      expect(world.responder.events('clock-stops-claims')).toHaveLength(said + 1);
      own.shift('+0');
      theirs.shift('+0');
      expect(await world.outcome(asked, await world.send(asked))).toMatchObject({ kind: 'answer' });
      expect(completions(asked.question.jti)).toBe(1);
      // It says so before it answers; what it says comes by another way.
      const known = () => world.responder.events('clock-agrees-again').length;
      await until('agreement said', () => known() > agreed);
      expect(known()).toBe(agreed + 1);
    },
  );

  it('stands still for no longer than a minute when its database was marked by a clock two days ahead', async () => {
    own.shift('+2d');
    theirs.shift('+2d');
    // As after a failover: the mark is of another place.
    await query(server, `update responder.restore_mark set place = 'elsewhere'`);
    const then = present() + 2 * 86_400;
    const early = await world.question({ now: then });
    const answer = await call(world.responder.url, world.organisation.invoker, 'POST', '/api/v1/invocations', {
      body: early.body,
      signedAt: then,
    });
    expect(answer).toMatchObject({ status: 409, body: { code: 'indeterminate' } });
    own.shift('+0');
    theirs.shift('+0');
    expect(await world.send(await world.question())).toMatchObject({ status: 409, body: { code: 'indeterminate' } });
    await until('correction said', () => world.responder.events('restore-time-corrected').length === 1);
    own.shift('+90s');
    theirs.shift('+90s');
    const later = await world.question({ now: present() + 90 });
    const again = await call(world.responder.url, world.organisation.invoker, 'POST', '/api/v1/invocations', {
      body: later.body,
      signedAt: present() + 90,
    });
    expect([again.status, completions(later.question.jti)]).toEqual([200, 1]);
    await endMinute(server);
  });

  it('runs a single-use envelope once, although the clock of its database jumps a day and a half ahead and back', async () => {
    const asked = await world.question();
    expect(await world.send(asked)).toMatchObject({ status: 200 });
    theirs.shift('+36h');
    await timeToForget(world.responder);
    theirs.shift('+0');
    const { jti } = asked.envelope;
    const again = await ask(world.organisation, world.prompt, { now: present(), envelope: { jti } });
    expect(await world.send(again)).toMatchObject({ status: 409, body: { code: 'envelope_replayed' } });
    // The question itself is known as well.
    expect(await world.send(asked)).toMatchObject({ status: 200, headers: { 'idempotent-replayed': '?1' } });
    expect([completions(asked.question.jti), completions(again.question.jti)]).toEqual([1, 0]);
  }, 300_000);
});

withClocks('two vaults on one database', () => {
  let folder: string;
  let server: TestPostgres | undefined;
  let world: VaultWorld | undefined;
  let ahead: ServiceProcess | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-apart-'));
    server = await startTestPostgres();
    world = await startVaultWorld(server.url);
    const clock = new ShiftedClock(library ?? '', folder, '+10m');
    ahead = await startService('vault', { ...world.settings, ...clock.environment, ...DEBUG });
  });
  afterAll(async () => {
    await ahead?.stop();
    await world?.stop();
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  it('take a captured request once, although one of them is ten minutes ahead and forgets what is past its time', async () => {
    if (world === undefined || ahead === undefined) throw new Error('nothing was started');
    const { vault, organisation } = world;
    const body = { id: mintId('prm'), name: 'clock/captured', type: 'text' };
    const message = await signedMessage(vault.url, organisation.author, 'POST', '/api/v1/prompts', { body });
    expect(await send(vault.url, message)).toMatchObject({ status: 201 });
    await timeToForget(ahead);
    expect(await send(vault.url, message)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  }, 300_000);
});

withServer('a responder whose database failed over and back', () => {
  let cluster: RestorableCluster;
  let world: ResponderWorld;
  beforeAll(async () => {
    cluster = await startRestorableCluster();
    world = await startResponderWorld(cluster.url);
  });
  afterAll(async () => {
    await world.stop();
    await cluster.stop();
  });

  it('runs nothing again that ran in between', async () => {
    await cluster.backUp();
    await cluster.recover();
    await until('ready', async () => (await ready(world.responder.url)) === 200);
    expect(await settled(world)).toMatchObject({ status: 409, body: { code: 'indeterminate' } });
    await endMinute(cluster);
    const asked = await world.question();
    expect(await world.send(asked)).toMatchObject({ status: 200 });
    await cluster.fallBack();
    await until('ready', async () => (await ready(world.responder.url)) === 200);
    expect(await settled(world, asked)).toMatchObject({ status: 409, body: { code: 'indeterminate' } });
    expect(world.upstream.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
    expect(world.responder.events('database-replaced')).toHaveLength(2);
  });
});

/** Ends the minute after a failover, in which nothing runs, as time would. */
async function endMinute(cluster: { readonly url: string }): Promise<void> {
  const past = 'not_before = to_timestamp(0), generation = generation + 1, written_by = pg_current_xact_id()';
  await query(cluster, `update responder.restore_mark set ${past}`);
}

/** Waits in a long run until a service has looked for what is past its time, as it does once a minute. */
async function timeToForget(service: ServiceProcess): Promise<void> {
  const before = service.events('expired-rows-purged').length;
  while (isLongRun() && service.events('expired-rows-purged').length === before) await pause(250);
}

/** What a question comes to, once the connections to the server that has gone are given up. */
async function settled(world: ResponderWorld, asked?: Awaited<ReturnType<ResponderWorld['question']>>) {
  const question = asked ?? (await world.question());
  let answer = await world.send(question);
  await until('no 503', async () => {
    if (answer.status === 503) answer = await world.send(question);
    return answer.status !== 503;
  });
  return answer;
}
