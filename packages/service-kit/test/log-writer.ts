import type { KeyRecord, Signer } from '@bulla/crypto';
import { generateKeyPair, loadSigner } from '@bulla/crypto';
import type { KeyPair } from '@bulla/crypto';
import { originOf, pinInOrigin } from '@bulla/crypto/log';
import { CheckpointSigner } from '../src/audit-log/checkpoint-signer.js';
import { LogBegin } from '../src/audit-log/begin/log-begin.js';
import { LogPens } from '../src/audit-log/log-pens.js';
import { LogRepository } from '../src/audit-log/log.repository.js';
import { LogMarks } from '../src/audit-log/marks.js';
import type { SequencerParts } from '../src/audit-log/sequencer.js';
import { Sequencer } from '../src/audit-log/sequencer.js';
import { UnsignedRows } from '../src/audit-log/unsigned-rows.js';
import type { RowSecrets } from '../src/audit/row-secrets.js';
import type { Database, LedgerTables } from '../src/index.js';
import { setUpMarkFolder, TestClock } from '../src/testing.js';
import { EventLog } from '../src/index.js';

// One process that writes and signs logs, put together by hand; its lock is always free, so that nothing but the fence of
// the database and the folder of marks is between two.

const PIN = `sha256:${'5a'.repeat(32)}`;
export const URN = 'urn:bulla:acme:svc:vault';
export const urnIn = (org: string) => `urn:bulla:${org}:svc:vault`;
/** The name of a log of the tests. */
export const originOfLog = (number: number, org = 'acme') =>
  originOf({ urn: urnIn(org), number, pin: pinInOrigin(PIN) });

/** A key for the checkpoints of one log; of before there were numbers unless one is given. */
export interface LogKeyForTest {
  readonly log: number | undefined;
  readonly pair: KeyPair;
  readonly signer: Signer;
}

export async function logKeyForTest(log?: number): Promise<LogKeyForTest> {
  const pair = await generateKeyPair('ed25519', 'sig');
  return { log, pair, signer: await loadSigner(pair.privateJwk, 'Ed25519') };
}

/** A folder of marks that is set up for the log of a key. */
export function folderFor(folder: string, { log, pair }: LogKeyForTest): string {
  const key = { kid: pair.kid, use: 'sig', alg: 'Ed25519', suite: 'ed25519', pur: ['checkpoint'], log } as const;
  return setUpMarkFolder(folder, { urn: URN, keys: [{ ...key, pur: ['checkpoint'], jwk: pair.privateJwk }] });
}

export interface WriterOptions {
  readonly database: Pick<Database<LedgerTables>, 'db' | 'schema'>;
  readonly folder: string;
  /** What the directory lists, of every organisation. */
  readonly listed: readonly LogKeyForTest[];
  /** What the process holds; all that is listed unless given. */
  readonly held?: readonly LogKeyForTest[];
  readonly revoked?: readonly LogKeyForTest[];
  readonly rows: RowSecrets;
  readonly log?: EventLog;
  readonly logs?: LogRepository;
  readonly marks?: LogMarks;
  /** What the signer and the pens work with instead. */
  readonly signs?: (signer: CheckpointSigner) => Pick<CheckpointSigner, 'requireContinued' | 'sign'>;
  readonly parts?: Partial<SequencerParts>;
}

export function writerForTest(options: WriterOptions) {
  const { database, folder, listed, held = listed, revoked = [], rows } = options;
  const logs = options.logs ?? new LogRepository(database.db);
  const marks = options.marks ?? new LogMarks(folder);
  const records = listed.map(({ log, pair }) => ({ kid: pair.kid, pur: ['checkpoint'], log, jwk: pair.publicJwk }));
  const keys = { urnIn, rows, logKeys: held.map(({ log, signer }) => ({ log, signer })) };
  const pens = new LogPens({
    marks,
    keys,
    trustOf: async () => ({
      pin: PIN,
      entity: () => ({ keys: records as unknown as KeyRecord[] }) as never,
      isRevoked: (kid) => revoked.some(({ pair }) => pair.kid === kid),
    }),
  });
  const unsigned = new UnsignedRows(database.db);
  const signer = new CheckpointSigner({ logs, unsigned, marks, pens, keys });
  const clock = options.parts?.clock ?? new TestClock();
  const begin = new LogBegin({ logs, unsigned, marks, pens, signer, schema: database.schema, clock });
  const sequencer = new Sequencer({
    database: { schema: database.schema, exclusively: (_name, work) => work().then(() => true) },
    logs,
    lag: { note: () => {}, noteBlind: () => {}, noteLost: () => {} },
    pens,
    signer: options.signs?.(signer) ?? signer,
    begin,
    organisations: () => [],
    metrics: { signed: () => {}, failed: () => {} },
    alarms: { forged: () => {}, unknown: () => {} },
    keys,
    clock,
    log: options.log ?? new EventLog({ service: 'tiny', level: 'silent' }),
    ...options.parts,
  });
  return { sequencer, signer, begin, pens, marks, logs, unsigned };
}
