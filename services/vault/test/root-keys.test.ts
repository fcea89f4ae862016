import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import { EventLog } from '@bulla/service-kit';
import { join } from 'node:path';
import { asked, RootKeys } from '../src/managed/root-key/root-keys.js';
import { RootKeyFault } from '../src/managed/root-key/root-key-provider.js';
import { manageOne } from './managing.js';
import { placeRootKey } from './root-key-files.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// What a process may begin with, by what the database knows of root keys.

const log = new EventLog({ service: 'vault', level: 'silent' });
const place = { production: false, dataFolders: [] };

describe('root keys of a process', () => {
  let vault: TestVault;
  let kid: string;
  let check: string;
  beforeAll(async () => {
    vault = await startVault('PGlite');
    await manageOne(vault);
    ({ kid, check_value: check } = await vault.database.db
      .selectFrom('root_key')
      .selectAll()
      .executeTakeFirstOrThrow());
  });
  afterAll(() => vault.stop());

  const lookWith = async (current: string | undefined, next?: string) => {
    const keys = new RootKeys({ settings: { current, next }, place, log });
    await keys.look(vault.database.db);
    return keys;
  };
  const setCheck = (value: string) =>
    vault.database.db.updateTable('root_key').set({ check_value: value }).where('kid', '=', kid).execute();

  it('are those of the database, or it does not begin [guard: root-key-older]', async () => {
    const path = join(vault.rootKeyFiles.folder, 'another.key');
    placeRootKey(path);
    await expect(lookWith(`file:${path}`)).rejects.toMatchObject({ name: 'RootKeyRefused', exitCode: 78 });
    const both = await lookWith(`file:${path}`, vault.rootKeyFiles.settings.current);
    expect(both.held).toHaveLength(2);
    await both.close();
  });

  it('are known by their key-check values, before anything is opened [guard: root-key-check]', async () => {
    await setCheck('of another key');
    await expect(lookWith(vault.rootKeyFiles.settings.current)).rejects.toMatchObject({ exitCode: 78 });
    await setCheck(check);
  });

  it('are looked at once more before they are used first [guard: root-key-verified]', async () => {
    const keys = await lookWith(vault.rootKeyFiles.settings.current);
    await setCheck('of another key');
    await expect(keys.of(kid)).rejects.toEqual(new Problem('internal'));
    await setCheck(check);
    await expect(keys.of(kid)).resolves.toMatchObject({ kid });
    await keys.close();
  });

  it('have to be there where anything is under one [guard: root-key-set]', async () => {
    await expect(lookWith(undefined)).rejects.toMatchObject({
      message: `BULLA_ROOT_KEY is not set, and this database has keys under ${kid}`,
    });
  });

  it('that are not held, or are sealed or out of reach, are said to be so, and no more [guard: root-fault-opaque]', async () => {
    const keys = await lookWith(vault.rootKeyFiles.settings.current);
    await expect(keys.of('root:file:0000000000000000')).rejects.toMatchObject({ code: 'overloaded' });
    await keys.close();
    const codes = [];
    for (const code of ['sealed', 'unavailable', 'wrong_key'] as const)
      codes.push(
        await asked(() => Promise.reject(new RootKeyFault(code, 'why'))).catch(
          (error: unknown) => (error as Problem).code,
        ),
      );
    expect(codes).toEqual(['sealed', 'overloaded', 'internal']);
  });
});
