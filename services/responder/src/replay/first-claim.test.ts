import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mintId } from '@bulla/crypto';
import type { Signatory } from '@bulla/service-kit';
import { commitSettings, outboxForTest } from '@bulla/service-kit/testing';
import { sql } from 'kysely';
import { findPostgres } from '@bulla/testkit';
import { openDatabase } from '../../test/responder-fixture.js';
import type { ResponderTransaction } from '../database/types.js';
import type { FirstClaim } from './first-claim.js';
import { FIRST_CLAIM } from './first-claim.js';
import type { Mark } from './restore-mark.repository.js';
import { RestoreMarkRepository } from './restore-mark.repository.js';

const { outbox } = outboxForTest();

const TABLES = ['http_nonce', 'invocation', 'envelope_use', 'audit_event'] as const;
const DIRECTORY = { version: 7, sha256: 'the seventh' };

describe.each(['server', 'embedded'] as const)(
  'the claim of a new question in one statement, in the %s database',
  (kind) => {
    let opened: Awaited<ReturnType<typeof openDatabase>>;
    let mark: Mark;
    let own: FirstClaim;
    let nonce: string;

    beforeAll(async () => {
      opened = await openDatabase(kind);
      const { db } = opened.database;
      await db
        .insertInto('seen_document')
        .values({ org: 'acme', kind: 'directory', ...DIRECTORY, memory: '{}' })
        .execute();
    });
    afterAll(() => opened.drop());
    beforeEach(async () => {
      const { db } = opened.database;
      await db.deleteFrom('restore_mark').execute();
      const renewed = await new RestoreMarkRepository(db).renew('acme');
      if (renewed === undefined) throw new Error('the database had a mark');
      ({ mark } = renewed);
      nonce = mintId('inv');
      own = {
        org: 'acme',
        iss: 'urn:bulla:acme:dev:x',
        jti: mintId('inv'),
        rh: 'rh',
        envelope: mintId('env'),
        max: 1,
        expiresAt: new Date(8e12),
        issuedAt: renewed.notBefore,
        directoryVersion: DIRECTORY.version,
        directoryHash: DIRECTORY.sha256,
        generation: mark.generation,
        mark: mark.id,
      };
    });

    const claim = (changes: Partial<FirstClaim> = {}, { by = nonce, machineMs = Date.now() } = {}) => {
      const caller: Signatory = {
        org: 'acme',
        urn: own.iss,
        kid: 'kid',
        keyid: `${own.iss}#kid`,
        kind: 'device',
        request: { id: 'a-request' } as Signatory['request'],
        decision: { isRecorded: false },
        evidence: { type: 'signature', nonce: by, expires: 8e9, sha256: 'hash', base: 'base', signature: 'c2ln' },
      };
      const done = FIRST_CLAIM.run(opened.database.db, {
        caller,
        row: outbox.seal({ org: 'acme', event: '{"act":"claimed"}', evidence: 'e' }),
        machineMs,
        own: { ...own, ...changes },
      });
      return done.then((theirsMs) => theirsMs !== undefined);
    };
    const counts = async () => {
      const { db } = opened.database;
      const count = (table: string) => sql`(select count(*)::int from ${sql.table(`responder.${table}`)})`;
      const { rows } = await sql<Record<string, number>>`select ${sql.join(
        TABLES.map((table) => sql`${count(table)} as ${sql.ref(table)}`),
      )}`.execute(db);
      return rows[0] ?? {};
    };
    const expectNothing = async (send: () => Promise<unknown>) => {
      const before = await counts();
      expect(await send().catch(String)).toBe(false);
      expect(await counts()).toEqual(before);
    };
    const changeMark = (values: object) => opened.database.db.updateTable('restore_mark').set(values).execute();
    const ourOwn = { written_by: sql`pg_current_xact_id()` as never };

    it('writes nonce, claim, use and audit row [guard: act-audited]', async () => {
      const before = await counts();
      expect(await claim()).toBe(true);
      expect(await counts()).toEqual(
        Object.fromEntries(Object.entries(before).map(([table, rows]) => [table, rows + 1])),
      );
      expect(
        await opened.database.db.selectFrom('invocation').selectAll().where('jti', '=', own.jti).executeTakeFirst(),
      ).toMatchObject({ org: 'acme', iss: own.iss, rh: 'rh', state: 'accepted', fence: 1, reply: null });
    });

    it('writes nothing under a nonce that is used, nor for a question that is known', async () => {
      expect(await claim()).toBe(true);
      await expectNothing(() => claim({ jti: mintId('inv'), envelope: mintId('env') }));
      await expectNothing(() => claim({ envelope: mintId('env') }, { by: mintId('inv') }));
    });

    it('lets one of many in that come together', async () => {
      const tries = Array.from({ length: 20 }, () => claim({}, { by: mintId('inv') }));
      expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    });

    it('counts the uses of an envelope, which is of one organisation [guard: first-use-org]', async () => {
      const next = (changes: Partial<FirstClaim> = {}) =>
        claim({ jti: mintId('inv'), max: 2, ...changes }, { by: mintId('inv') });
      const together = await Promise.all(Array.from({ length: 12 }, () => next()));
      expect(together.filter(Boolean)).toHaveLength(2);
      await expectNothing(next);
      const envelope = mintId('env');
      const used = { env_jti: envelope, org: 'other', uses: 1, max: 9, expires_at: new Date(8e12) };
      await opened.database.db.insertInto('envelope_use').values(used).execute();
      await expectNothing(() => next({ envelope }));
    });

    // The embedded database has one connection: nothing comes between there.
    if (kind === 'server') {
      const describeOnServer = findPostgres() === undefined ? describe.skip : describe;
      describeOnServer('beside another process', () => {
        /** Claims while another transaction has done something that it has not committed, which it then does. */
        const during = async (other: (trx: ResponderTransaction) => Promise<unknown>) => {
          const { db } = opened.database;
          let claimed: Promise<unknown> = Promise.resolve();
          await db.transaction().execute(async (trx) => {
            await other(trx);
            claimed = claim({ max: 2 }).catch(String);
            const waiting = sql<{ n: number }>`
          select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
            while ((await waiting.execute(db)).rows[0]?.n === 0) await pause(5);
          });
          return claimed;
        };

        it('takes everything back for a question that another process claims at the same moment [guard: act-whole]', async () => {
          const { org, iss, jti } = own;
          const before = await counts();
          const row = { org, iss, jti, rh: 'rh', state: 'accepted', reply: null } as const;
          expect(await during((trx) => trx.insertInto('invocation').values(row).execute())).toBe(false);
          expect(await counts()).toEqual({ ...before, invocation: (before['invocation'] ?? 0) + 1 });
        });

        it('takes everything back where the last use is counted at the same moment [guard: first-use-count]', async () => {
          const { db } = opened.database;
          const used = { env_jti: own.envelope, org: 'acme', uses: 1, max: 2, expires_at: new Date(8e12) };
          await db.insertInto('envelope_use').values(used).execute();
          const before = await counts();
          const counting = (trx: ResponderTransaction) =>
            trx.updateTable('envelope_use').set({ uses: 2 }).where('env_jti', '=', own.envelope).execute();
          expect(await during(counting)).toBe(false);
          expect(await counts()).toEqual(before);
        });
      });
    }

    it.each([
      ['a newer directory than it was judged by', { directoryVersion: 6, directoryHash: 'the sixth' }],
      ['another directory of the same version', { directoryHash: 'another seventh' }],
    ])('writes nothing where replicas have seen %s [guard: first-directory]', async (_name, judgedBy) => {
      await expectNothing(() => claim(judgedBy));
      expect(await claim({ directoryVersion: 8, directoryHash: 'the eighth' })).toBe(true);
    });

    it('writes nothing for what was issued before the mark [guard: first-before-restore]', async () => {
      await expectNothing(() => claim({ issuedAt: own.issuedAt - 1 }));
    });

    it('writes nothing in a database whose mark somebody else wrote [guard: first-mark-ours]', async () => {
      await changeMark({ not_before: new Date(0) });
      await expectNothing(() => claim());
    });

    it('writes nothing where the mark lies ahead [guard: first-mark-ahead]', async () => {
      const aheadMs = Date.now() + 2 * 86_400_000;
      await changeMark({ not_before: new Date(aheadMs), ...ourOwn });
      const { rows } = await sql<{ id: string }>`
      select written_by || ' ' || place as id from responder.restore_mark where org = 'acme'`.execute(
        opened.database.db,
      );
      await expectNothing(() => claim({ issuedAt: Math.ceil(aheadMs / 1000) + 1, mark: rows[0]?.id ?? '' }));
    });

    it.each([
      ['count', { generation: 99 }],
      ['place', { mark: 'another' }],
    ])(
      'writes nothing under another mark than the process has worked with, by its %s [guard: first-mark-newest]',
      async (_name, other) => {
        await expectNothing(() => claim(other));
      },
    );

    it.each([61_000, -61_000])('writes nothing while the clocks are apart by %s ms', async (driftMs) => {
      await expectNothing(() => claim({}, { machineMs: Date.now() + driftMs }));
    });

    it('is durable, also on a connection of a pooler that is not set so', async () => {
      let isDone = false;
      const settings = await commitSettings(opened.database.db as never, 'responder.invocation', async () => {
        isDone = await claim();
      });
      expect([isDone, settings]).toEqual([true, ['on']]);
    });
  },
);
