import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPair, loadSigner, utf8 } from '@bulla/crypto';
import type { CheckpointTrust } from '@bulla/crypto/log';
import {
  emptyRoot,
  noteKeyOf,
  originOf,
  parseCheckpoint,
  parseNote,
  pinInOrigin,
  signCheckpoint,
} from '@bulla/crypto/log';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { Health } from '@bulla/contract';
import { Chores, EventLog, NewestCheckpoint } from '@bulla/service-kit';
import { ask, openReply, storePrompt } from '../../test/asking.js';
import type { SealedReply } from '../../test/asking.js';
import { openDatabase, organisationForTest, serveDocuments, startResponder } from '../../test/responder-fixture.js';

/** Nothing happens to the log but what a test says. */
const BY_HAND = { auditIntervalMs: 3_600_000 };

/** Keys that the process has, and no directory lists. */
const held: CheckpointTrust['keys'][number][] = [];

interface Room {
  readonly organisation: TestOrganisation;
  readonly database: Awaited<ReturnType<typeof openDatabase>>['database'];
  readonly lines: readonly string[];
  /** The checkpoint that the next answer carries. */
  readonly answer: () => Promise<string | undefined>;
  readonly chore: (name: string) => Promise<void>;
  /** Whether balancers may send it something, and whether it has a head. */
  readonly ready: () => Promise<[status: number, hasHead: boolean | undefined]>;
  /** As if the database had these. */
  readonly shows: (...notes: string[]) => Promise<void>;
  close(): Promise<void>;
}

async function roomOf(): Promise<Room> {
  const organisation = await organisationForTest();
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
    async ready() {
      const response = await fetch(`${responder.url}/health/ready`);
      const { checks } = (await response.json()) as Health;
      return [response.status, checks.find(({ name }) => name === 'audit-head')?.ok];
    },
    shows: (...notes) =>
      responder.service.app.get(NewestCheckpoint, { strict: false }).look(
        {
          logs: { checkpoints: async () => notes },
          pens: { trustIn: async (_, origin) => ({ origin, keys: held }) },
        },
        organisation.org,
      ),
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

  it('is there from the first answer on, and is the newest of the log of this responder', async () => {
    const first = headOf(await room.answer());
    const { responders, pin } = room.organisation;
    expect(first.origin).toBe(originOf({ urn: responders[0].urn, number: 1, pin: pinInOrigin(pin) }));
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

/** A note of the log after the first, by a key that no directory lists. */
async function unlistedNote({ organisation }: Room): Promise<string> {
  const [{ urn }] = organisation.responders;
  const origin = originOf({ urn, number: 2, pin: pinInOrigin(organisation.pin) });
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  const signer = await loadSigner(privateJwk, 'Ed25519');
  const head = { size: 0, root: await emptyRoot() };
  const key = await noteKeyOf(origin, publicJwk);
  held.push(key);
  return signCheckpoint(origin, head, [{ key, signer }]);
}

it('an answer goes out without a checkpoint that its asker would refuse [guard: checkpoint-told-good]', async () => {
  const room = await roomOf();
  await room.shows(await unlistedNote(room));
  await expect(room.answer()).resolves.toBeUndefined();
  await expect(room.answer()).resolves.toBeUndefined();
  const said = room.lines.filter((line) => line.includes('checkpoint-not-told'));
  expect(said.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ code: 'key_unknown', check: 'reply-checkpoint' }),
  ]);
  await room.close();
});

it('a responder is ready once it has signed a head, before anything was decided [guard: head-before-ready]', async () => {
  const room = await roomOf();
  expect(await room.ready()).toEqual([503, false]);
  await room.chore('write-audit-log');
  // What was said a moment ago is said again for half a second.
  let ready = await room.ready();
  while (ready[0] !== 200) ready = await room.ready();
  expect(ready).toEqual([200, true]);
  expect(headOf(await room.answer()).size).toBe(1);
  await room.close();
});

it('an answer carries the head of the newest log whose key the directory lists', async () => {
  const room = await roomOf();
  const first = await room.answer();
  await room.shows(await unlistedNote(room));
  expect(await room.answer()).toBe(first);
  await room.close();
});
