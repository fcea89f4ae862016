import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from '@bulla/crypto';
import type { Database } from '@bulla/service-kit';
import { connectDatabase, EventLog } from '@bulla/service-kit';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { VaultTables } from '../src/index.js';
import { vaultMigrations } from '../src/index.js';
import { RootKeys } from '../src/managed/root-key/root-keys.js';
import { openStore } from './running-vault.js';

// A root key that is made of a passphrase, and nobody has set it: the person who starts the vault is asked.

const folder = folderForTest('asked-passphrases');
const salt = join(folder, 'root.salt');
const PASSPHRASE = 'kestrel velvet harbour copper';
const FIRST = `passphrase of the root key (${salt}):`;
const lines: string[] = [];
const log = new EventLog({ service: 'vault', level: 'debug', stream: { write: (line) => void lines.push(line) } });
let database: Database<VaultTables>;
let drop: () => Promise<void>;
let questions: string[];
beforeAll(async () => {
  writeFileSync(salt, Buffer.from(randomBytes(16)).toString('base64url'), { mode: 0o600 });
  const opened = await openStore('PGlite');
  ({ drop } = opened);
  database = connectDatabase<VaultTables>({ from: opened.from, schema: 'vault', migrations: vaultMigrations, log });
  await database.migrate();
});
beforeEach(() => {
  questions = [];
});
afterAll(async () => {
  await database.close();
  await drop();
  await rm(folder, { recursive: true });
});

/** Starts as a vault does, with somebody who types these answers. */
async function begin(answers: (string | undefined)[], parts: Partial<ConstructorParameters<typeof RootKeys>[0]> = {}) {
  const keys = new RootKeys({
    settings: { current: `passphrase:${salt}` },
    place: { production: false, dataFolders: [] },
    ask: async (question) => {
      questions.push(question);
      return answers.shift();
    },
    log,
    ...parts,
  });
  try {
    await keys.look(database.db);
    await keys.join();
    return keys.held.map(({ kid }) => kid);
  } finally {
    await keys.close();
  }
}

describe('the passphrase of a root key that no setting says', () => {
  it('is asked for twice where no key is known yet, and two that differ make none [guard: root-passphrase-twice]', async () => {
    await expect(begin([PASSPHRASE, `${PASSPHRASE} `])).rejects.toMatchObject({
      exitCode: 78,
      message: 'BULLA_ROOT_PASSPHRASE: the two passphrases differ; start it again',
    });
    expect(questions).toEqual([FIRST, 'once more:']);
    expect(await database.db.selectFrom('root_key').selectAll().execute()).toEqual([]);
  });

  it('is refused where nobody answers, or it is short', async () => {
    for (const answers of [[undefined], ['', ''], ['too short', 'too short']])
      await expect(begin(answers)).rejects.toMatchObject({
        exitCode: 78,
        message: expect.stringContaining('BULLA_ROOT_PASSPHRASE: expected at least 16 characters'),
      });
  });

  it('makes the key that the same one in a setting makes, and is asked for once from then on', async () => {
    const [made] = await begin([PASSPHRASE, PASSPHRASE]);
    expect(made).toMatch(/^root:passphrase:/);
    questions = [];
    expect(await begin([PASSPHRASE])).toEqual([made]);
    expect(questions).toEqual([FIRST]);
    expect(await begin([], { passphrases: { current: PASSPHRASE } })).toEqual([made]);
    expect(questions).toEqual([FIRST]);
  });

  it('is known for a wrong one before anything is written', async () => {
    const before = await database.db.selectFrom('root_key').selectAll().execute();
    await expect(begin([`${PASSPHRASE}!`])).rejects.toMatchObject({ exitCode: 78 });
    expect(await database.db.selectFrom('root_key').selectAll().execute()).toEqual(before);
  });

  it('is not asked for where its salt is not there, or nobody sits at the process', async () => {
    const nowhere = { current: `passphrase:${salt}`, next: `passphrase:${join(folder, 'next.salt')}` };
    expect(await begin([PASSPHRASE], { settings: nowhere })).toHaveLength(1);
    expect(questions).toEqual([FIRST]);
    await expect(begin([], { ask: undefined })).rejects.toMatchObject({ exitCode: 78 });
  });

  it('stands in no line of the log', () => {
    expect(lines.join('\n')).not.toContain('kestrel');
  });
});
