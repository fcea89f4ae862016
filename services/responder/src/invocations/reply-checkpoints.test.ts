import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { utf8 } from '@bulla/crypto';
import { parseCheckpoint, parseNote } from '@bulla/crypto/log';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { Chores, EventLog } from '@bulla/service-kit';
import { ask, openReply, storePrompt } from '../../test/asking.js';
import type { SealedReply } from '../../test/asking.js';
import { openDatabase, organisationForTest, serveDocuments, startResponder } from '../../test/responder-fixture.js';

/** Nothing happens to the log but what a test says. */
const BY_HAND = { auditIntervalMs: 3_600_000 };

interface Room {
  readonly organisation: TestOrganisation;
  readonly database: Awaited<ReturnType<typeof openDatabase>>['database'];
  readonly lines: readonly string[];
  /** The checkpoint that the next answer carries. */
  readonly answer: () => Promise<string | undefined>;
  readonly chore: (name: string) => Promise<void>;
  close(): Promise<void>;
}

async function roomOf(change: (organisation: TestOrganisation) => unknown = () => undefined): Promise<Room> {
  const organisation = await organisationForTest();
  await change(organisation);
  const vault = await serveDocuments(organisation);
  const prompt = await storePrompt(organisation);
  const opened = await openDatabase('embedded');
  const { database } = opened;
  const lines: string[] = [];
  const log = new EventLog({ service: 'responder', stream: { write: (line) => void lines.push(line) } });
  const responder = await startResponder({ organisation, vault, database, log, limits: BY_HAND });
  return {
    organisation,
    database,
    lines,
    async answer() {
      const asked = await ask(organisation, prompt);
      const { body } = await responder.client(organisation.invoker).post('/api/v1/invocations', asked.body);
      return (await openReply(organisation, asked, body as SealedReply)).fin.checkpoint;
    },
    chore: (name) => responder.service.app.get(Chores, { strict: false }).do(name),
    async close() {
      await responder.service.close();
      await vault.close();
      await opened.drop();
    },
  };
}

function headOf(note = '') {
  return parseCheckpoint(parseNote(utf8(note)).text);
}

describe('the checkpoint that an answer carries', () => {
  let room: Room;
  beforeAll(async () => {
    room = await roomOf();
  });
  afterAll(() => room.close());

  const signed = () => room.chore('write-audit-log');

  it('is the newest of the log of this responder, once there is one', async () => {
    expect(await room.answer()).toBeUndefined();
    await signed();
    const first = headOf(await room.answer());
    expect(first).toMatchObject({ origin: `${room.organisation.responders[0].urn}/audit/1` });
    await signed();
    expect(headOf(await room.answer()).size).toBeGreaterThan(first.size);
  });

  it('is no older one after the database went back to a backup [guard: checkpoint-told-rises]', async () => {
    await room.answer();
    await signed();
    const before = await room.database.db.selectFrom('audit_log').select('checkpoint').executeTakeFirstOrThrow();
    await room.answer();
    await signed();
    const newer = await room.database.db.selectFrom('audit_log').select('checkpoint').executeTakeFirstOrThrow();
    expect(newer).not.toEqual(before);
    await room.database.db.updateTable('audit_log').set(before).execute();
    await signed();
    expect(await room.answer()).toBe(newer.checkpoint);
  });
});

it('an answer goes out without a checkpoint that its asker would refuse [guard: checkpoint-told-good]', async () => {
  const room = await roomOf((organisation) =>
    organisation.publish((draft) => {
      const [{ urn }] = organisation.responders;
      const entity = draft.entities[urn];
      if (entity !== undefined) entity.keys = entity.keys.filter(({ pur }) => !pur.includes('checkpoint'));
    }),
  );
  await room.answer();
  await room.chore('write-audit-log');
  await expect(room.answer()).resolves.toBeUndefined();
  await expect(room.answer()).resolves.toBeUndefined();
  const said = room.lines.filter((line) => line.includes('checkpoint-not-told'));
  expect(said.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ code: 'key_unknown', check: 'reply-checkpoint' }),
  ]);
  await room.close();
});
