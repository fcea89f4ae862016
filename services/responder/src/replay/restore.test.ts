import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connectDatabase, EventLog } from '@bulla/service-kit';
import type { Database } from '@bulla/service-kit';
import { TestClock } from '@bulla/service-kit/testing';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { ask, storePrompt } from '../../test/asking.js';
import type { Asked, StoredPrompt } from '../../test/asking.js';
import {
  openDatabase,
  organisationForTest,
  serveDocuments,
  silent,
  startResponder,
} from '../../test/responder-fixture.js';
import type { DocumentServer, RunningResponder } from '../../test/responder-fixture.js';
import { canRestore, startRestorableCluster } from '../../test/restoring.js';
import type { RestorableCluster } from '../../test/restoring.js';
import { responderMigrations } from '../database/migrations.js';
import type { ResponderTables } from '../database/types.js';
import { EchoModel } from '../models/echo.model.js';
import { sql } from 'kysely';
import type { ModelRequest } from '../models/model.js';
import { RestoreGuard } from './restore-guard.js';
import { RestoreMarkRepository } from './restore-mark.repository.js';

const PATH = '/api/v1/invocations';
const withServer = canRestore ? describe : describe.skip;
/** Seconds after which even a clock that is behind by the skew is past the restore. */
const LATER = 300;

class NotingModel extends EchoModel {
  readonly ran: string[] = [];
  override stream(request: ModelRequest, signal: AbortSignal) {
    this.ran.push(request.requestId);
    return super.stream(request, signal);
  }
}

let organisation: TestOrganisation;
let vault: DocumentServer;
let prompt: StoredPrompt;
let model: NotingModel;
let lines: string[];
let stops: (() => Promise<unknown>)[];
beforeEach(async () => {
  organisation = await organisationForTest();
  vault = await serveDocuments(organisation);
  prompt = await storePrompt(organisation);
  model = new NotingModel();
  lines = [];
  stops = [() => vault.close()];
});
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
});

/** The database is taken away and put back under the services: nothing else asks it for anything meanwhile. */
const UNLOGGED = { auditIntervalMs: 3_600_000 };

async function start(database: Database<ResponderTables>, clock?: TestClock): Promise<RunningResponder> {
  const log = new EventLog({ service: 'responder', stream: { write: (line: string) => void lines.push(line) } });
  const responder = await startResponder({
    organisation,
    vault,
    database,
    model,
    log,
    limits: UNLOGGED,
    ...(clock && { clock }),
  });
  stops.push(() => responder.service.close());
  return responder;
}

async function open(url: string): Promise<Database<ResponderTables>> {
  const options = { schema: 'responder', migrations: responderMigrations, log: silent() };
  const database = connectDatabase<ResponderTables>({ ...options, from: { url } });
  stops.push(() => database.close());
  await database.migrate();
  return database;
}

/** Asks, and asks again while the service says that it will be able to in a moment. */
async function send(responder: RunningResponder, { body }: Asked) {
  for (let tries = 1; ; tries++) {
    const { status, headers, body: answer, text } = await responder.client(organisation.invoker).post(PATH, body);
    if (status === 503 && tries < 50) continue;
    return { status, code: (answer as { code?: string }).code, replayed: headers['idempotent-replayed'], text };
  }
}

const events = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);

withServer('a responder whose database was restored [red]', () => {
  let cluster: RestorableCluster;
  beforeAll(async () => {
    cluster = await startRestorableCluster();
  });
  afterAll(() => cluster.stop());

  interface Way {
    readonly url: string;
    readonly save: () => Promise<string>;
    /** @returns the address of what was restored */
    readonly restore: (saved: string) => Promise<string>;
  }
  const ways: Readonly<Record<string, () => Promise<Way>>> = {
    async 'from a dump, into the database it came from'() {
      const database = await cluster.newDatabase('dumped');
      const { url } = database;
      return { url, save: () => database.dump(), restore: (saved) => database.readBack(saved).then(() => url) };
    },
    async 'from a dump, into another database [refuses: replay-failover] [refuses: before-restore]'() {
      const database = await cluster.newDatabase('moved');
      const { url } = database;
      return { url, save: () => database.dump(), restore: (saved) => database.readInto(saved, 'restored') };
    },
    async 'to a moment in the past, as a standby is promoted: on a new timeline [refuses: replay-failover] [refuses: before-restore]'() {
      // The whole cluster goes back in time: one of its own.
      const own = await startRestorableCluster();
      stops.push(() => own.stop());
      const { url } = own;
      return { url, save: () => own.backUp().then(() => ''), restore: () => own.recover().then(() => url) };
    },
  };

  it.each(Object.entries(ways))(
    '%s runs nothing from before, whether it was restarted or not',
    async (_name, begin) => {
      const way = await begin();
      const database = await open(way.url);
      const running = await start(database);
      const answered = await ask(organisation, prompt);
      const kept = await send(running, answered);
      const lost = await ask(organisation, prompt);
      const { iss, jti } = lost.question;
      const row = { org: organisation.org, iss, jti, rh: lost.rh, state: 'accepted' as const, reply: null };
      await database.db
        .insertInto('invocation')
        .values({ ...row, heartbeat: new Date(0) })
        .execute();
      const saved = await way.save();
      // What happens between the backup and the restore is what would be forgotten.
      const spent = await ask(organisation, prompt);
      expect([kept.status, (await send(running, spent)).status]).toEqual([200, 200]);

      const url = await way.restore(saved);
      const isSamePlace = url === way.url;
      const restarted = await start(await open(url), running.clock);
      const fresh = await ask(organisation, prompt);
      for (const responder of isSamePlace ? [running, restarted] : [restarted]) {
        for (const asked of [spent, lost, fresh])
          expect(await send(responder, asked)).toMatchObject({ status: 409, code: 'indeterminate' });
        // Saying it again runs nothing.
        expect(await send(responder, answered)).toEqual({ ...kept, replayed: '?1' });
      }
      expect(model.ran).toEqual([answered.question.jti, spent.question.jti]);
      expect(events()).toContain('database-replaced');

      running.clock.advance(LATER);
      // Its time is over too, but "too late" would say that it never ran.
      expect(await send(restarted, spent)).toMatchObject({ code: 'indeterminate' });
      const anew = await ask(organisation, prompt, { now: organisation.now + LATER });
      expect((await send(restarted, anew)).status).toBe(200);
      expect(model.ran).toContain(anew.question.jti);
    },
  );

  it('that was failed over and back runs nothing again that ran in between [guard: mark-older]', async () => {
    const own = await startRestorableCluster();
    stops.push(() => own.stop());
    const database = await open(own.url);
    const running = await start(database);
    const first = await ask(organisation, prompt);
    expect((await send(running, first)).status).toBe(200);
    await own.backUp();
    await own.recover();
    expect(await send(running, await ask(organisation, prompt))).toMatchObject({ code: 'indeterminate' });
    // The minute after a failover is over.
    const longAgo = { not_before: new Date(0), written_by: sql`pg_current_xact_id()` as never };
    const counted = { ...longAgo, generation: sql`generation + 1` as never };
    await database.db.updateTable('restore_mark').set(counted).execute();
    const between = await ask(organisation, prompt);
    expect((await send(running, between)).status).toBe(200);
    await own.fallBack();
    const noticed = events().filter((event) => event === 'database-replaced').length;
    expect(await send(running, between)).toMatchObject({ status: 409, code: 'indeterminate' });
    expect(model.ran).toEqual([first.question.jti, between.question.jti]);
    expect(events().filter((event) => event === 'database-replaced')).toHaveLength(noticed + 1);
    // Once: from then on the mark there is the newest, and what was answered before is told again.
    expect(await send(running, first)).toMatchObject({ status: 200, replayed: '?1' });
    expect(await send(running, await ask(organisation, prompt))).toMatchObject({ code: 'indeterminate' });
    expect(events().filter((event) => event === 'database-replaced')).toHaveLength(noticed + 1);
  });

  it('notices it in the first claim where nobody was restarted', async () => {
    const noticed = await cluster.newDatabase('noticed');
    const running = await start(await open(noticed.url));
    const dump = await noticed.dump();
    await send(running, await ask(organisation, prompt));
    await noticed.readBack(dump);
    expect(events()).not.toContain('database-replaced');
    expect(await send(running, await ask(organisation, prompt))).toMatchObject({ code: 'indeterminate' });
    // Once: the claims that come after it find the mark.
    await send(running, await ask(organisation, prompt));
    expect(events().filter((event) => event === 'database-replaced')).toHaveLength(1);
  });
});

describe.each(['server', 'embedded'] as const)('the mark in a %s database', (kind) => {
  let opened: Awaited<ReturnType<typeof openDatabase>>;
  let marks: RestoreMarkRepository;
  beforeAll(async () => {
    opened = await openDatabase(kind);
    marks = new RestoreMarkRepository(opened.database.db);
  });
  afterAll(() => opened.drop());

  it('is made once for each organisation, and is ours from then on', async () => {
    expect(await marks.renew('first')).toMatchObject({ isNew: true });
    expect(await marks.renew('first')).toBeUndefined();
    expect(await marks.renew('second')).toMatchObject({ isNew: true });
  });

  it('is not ours when anybody else has written it, be it word for word', async () => {
    const { db } = opened.database;
    const first = await marks.renew('copied');
    const row = await db
      .deleteFrom('restore_mark')
      .where('org', '=', 'copied')
      .returningAll()
      .executeTakeFirstOrThrow();
    await db.insertInto('restore_mark').values(row).execute();
    const second = await marks.renew('copied');
    expect(second).toMatchObject({ isNew: false });
    expect((second?.notBefore ?? 0) - (first?.notBefore ?? 0)).toBeGreaterThanOrEqual(60);
  });

  it('is older than another of its count, and than any of a higher one, and takes their place', async () => {
    const first = await marks.renew('counted');
    const other = { generation: 1, id: 'another' };
    const second = await marks.renew('counted', other);
    expect([first?.mark.generation, second?.mark.generation]).toEqual([1, 2]);
    expect(await marks.renew('counted', other)).toBeUndefined();
    expect(await marks.renew('counted', second?.mark)).toBeUndefined();
    const third = await marks.renew('counted', { generation: 7, id: 'yet another' });
    expect(third).toMatchObject({ isNew: false, mark: { generation: 8 } });
    expect(await marks.renew('counted', { generation: 7, id: 'yet another' })).toBeUndefined();
  });

  it('that lies days ahead stops nothing for longer than a minute, and the log says so [guard: mark-ahead]', async () => {
    // Of its own: the responders of other tests trust other directories.
    const { database, ...own } = await openDatabase(kind);
    stops.push(() => own.drop());
    const { db } = database;
    const responder = await start(database);
    const first = await ask(organisation, prompt);
    expect((await send(responder, first)).status).toBe(200);
    const ahead = { not_before: new Date(Date.now() + 2 * 86_400_000), written_by: sql`pg_current_xact_id()` as never };
    const counted = { ...ahead, generation: sql`generation + 1` as never };
    await db.updateTable('restore_mark').set(counted).where('org', '=', organisation.org).execute();
    expect(await send(responder, await ask(organisation, prompt))).toMatchObject({ code: 'indeterminate' });
    responder.clock.advance(90);
    const later = await ask(organisation, prompt, { now: organisation.now + 90 });
    expect((await send(responder, later)).status).toBe(200);
    expect(model.ran).toEqual([first.question.jti, later.question.jti]);
    expect(events().filter((event) => event === 'restore-time-corrected')).toHaveLength(1);
    expect(events()).not.toContain('database-replaced');
    expect(await new RestoreMarkRepository(db).correct(organisation.org)).toBeUndefined();
  });

  it('is not made while the clocks of process and database are apart [guard: mark-drifted]', async () => {
    const { db } = opened.database;
    const drift = { look: async () => true } as never;
    const guard = new RestoreGuard(marks, { org: 'drifted' } as never, drift, silent());
    await guard.onApplicationBootstrap();
    expect(await db.selectFrom('restore_mark').selectAll().where('org', '=', 'drifted').execute()).toEqual([]);
  });

  it('keeps a new database from running what was issued before it was there [guard: claim-before-restore]', async () => {
    await marks.renew(organisation.org);
    const responder = await start(opened.database);
    const before = await ask(organisation, prompt, { now: organisation.now - 30 });
    expect(await send(responder, before)).toMatchObject({ status: 409, code: 'indeterminate' });
    expect(model.ran).toEqual([]);
  });
});
