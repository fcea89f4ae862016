import { findPostgres, startTestPostgres, type TestPostgres } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Asked } from '../../services/responder/test/asking.js';
import { ready, until } from './fault-watch.js';
import { query, signalAll } from './postgres-control.js';
import { type Outcome, type ResponderWorld, startResponderWorld } from './responder-world.js';

// The database goes while a model speaks. The asker is told the whole answer or that it is not known how the run ended;
// the question is never run a second time.

let postgres: TestPostgres;
let world: ResponderWorld;

(findPostgres() === undefined ? describe.skip : describe)('a run in whose middle PostgreSQL', () => {
  beforeAll(async () => {
    postgres = await startTestPostgres({ settings: { fsync: 'on' } });
    world = await startResponderWorld(postgres.url);
  });
  afterEach(() => world.upstream.follow({}));
  afterAll(async () => {
    await world.stop();
    await postgres.stop();
  });

  const words = ['one ', 'two ', 'three'];
  const backends = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bulla-responder'`;

  /** A whole answer and a stream, whose model waits between its words, with something that happens after the first. */
  async function runsThrough(fault: () => Promise<void>): Promise<{ asked: Asked; outcome: Outcome }[]> {
    world.upstream.follow({ replies: { tokens: words, delayBetweenTokensMs: 700 } });
    const runs = await Promise.all([false, true].map((stream) => begin(stream)));
    await until('the first words', () =>
      runs.every(({ asked }) =>
        world.upstream.requests.some((one) => one.requestId === asked.question.jti && one.tokensSent > 0),
      ),
    );
    await fault();
    return Promise.all(runs.map(async ({ asked, answering }) => ({ asked, outcome: await answering })));
  }

  /** Whether the audit log has its good end. */
  async function isEnded({ question }: Asked): Promise<boolean> {
    const rows = await query(
      postgres,
      `select 1 from responder.audit_event where event ->> 'act' = 'invocation.finish'
        and event ->> 'res' = 'ok' and event -> 'obj' ->> 'invocation' = '${question.jti}'`,
    );
    return rows.length === 1;
  }

  async function begin(stream: boolean): Promise<{ asked: Asked; answering: Promise<Outcome> }> {
    const asked = await world.question({ question: { opt: { stream, privacy: 'padded' } } });
    const answering = world
      .send(asked)
      .then((answer) => world.outcome(asked, answer))
      .catch((): Outcome => ({ kind: 'cut' }));
    return { asked, answering };
  }

  it('loses all connections of the responder goes on to its end', async () => {
    const runs = await runsThrough(async () => void (await query(postgres, backends)));
    for (const { asked, outcome } of runs) {
      expect(outcome).toMatchObject({ kind: 'answer', text: words.join('') });
      expect(world.upstream.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
    }
  });

  it('hangs until after its end is never told as whole unless that was kept, nor run again', async () => {
    const runs = await runsThrough(() => signalAll(postgres, 'SIGSTOP'));
    await signalAll(postgres, 'SIGCONT');
    // Without the row that says how it ended nobody is told an end.
    expect(runs[0]?.outcome).toMatchObject({ kind: 'problem', status: 503, code: 'overloaded', retryAfter: '1' });
    expect(runs[1]?.outcome).toEqual({ kind: 'cut' });
    await until('ready again', async () => (await ready(world.responder.url)) === 200);
    for (const [at, { asked }] of runs.entries()) {
      const again = await world.outcome(asked, await world.send(asked));
      const told = again.kind === 'answer' ? again.text : again.kind === 'problem' ? again.code : again.kind;
      // The statement of the end may lie in the socket of the server, which does it when it goes on; no stream is kept.
      const isKept = at === 0 && (await isEnded(asked));
      expect(told).toBe(isKept ? words.join('') : 'indeterminate');
      expect(world.upstream.completionsOf(asked.question.jti).started).toBe(1);
    }
    const next = await world.question();
    expect(await world.outcome(next, await world.send(next))).toMatchObject({ kind: 'answer' });
  });
});
