import { dataKeyCommitment, randomBytes, urnOf } from '@bulla/crypto';
import type { Service } from '@bulla/service-kit';
import { Chores } from '@bulla/service-kit';
import { KekWraps } from '../src/managed/keyring/kek-wraps.js';
import { Keyring } from '../src/managed/keyring/keyring.js';
import { contextOf } from '../src/managed/rotation/kek-rotation.js';
import type { PromptRef, SealedVersion } from './authoring.js';
import { createPrompt, pushVersion } from './authoring.js';
import type { TestVault } from './running-vault.js';

// Data keys under the KEK of an organisation, and the work that is done on them.

/** A version whose data key the vault has. */
export interface ManagedVersion extends PromptRef {
  readonly dek: Uint8Array;
  readonly context: { org: string; sub: string; ver: number; dek: string; chash: string };
}

export const keyringOf = (service: Service): Keyring => service.app.get(Keyring, { strict: false });
export const wrapsOf = (service: Service): KekWraps => service.app.get(KekWraps, { strict: false });

/** Has a process do one of its chores. */
export const doChore = (service: Service, name: string): Promise<void> =>
  service.app.get(Chores, { strict: false }).do(name);

/** A prompt of acme's with one version, whose data key goes under its KEK. */
export async function manageOne(vault: TestVault, service = vault.service): Promise<ManagedVersion> {
  const prompt = await createPrompt(vault, vault.acme);
  const version = await pushVersion(vault, vault.acme, prompt, 1);
  return manage(vault, { prompt, version }, service);
}

/** Puts a data key for a version under the KEK of acme. */
export async function manage(
  vault: TestVault,
  { prompt, version }: { prompt: PromptRef; version: SealedVersion },
  service = vault.service,
): Promise<ManagedVersion> {
  const { dek_id: dek } = await vault.database.db
    .selectFrom('prompt_version')
    .select('dek_id')
    .where('prompt_id', '=', prompt.id)
    .executeTakeFirstOrThrow();
  const key = randomBytes(32);
  const dkc = await dataKeyCommitment(key);
  await vault.database.db.updateTable('prompt_version').set({ dkc }).where('prompt_id', '=', prompt.id).execute();
  const context = { org: 'acme', sub: urnOf('acme', 'prompt', prompt.id), ver: 1, dek, chash: version.chash, dkc };
  const { kekVersion, wrap } = await keyringOf(service).wrap(key, context);
  const row = { org: 'acme', prompt_id: prompt.id, version: 1, kek_version: kekVersion, wrap };
  await vault.database.db.transaction().execute((trx) => wrapsOf(service).insert(trx, row));
  return { ...prompt, dek: key, context };
}

/** Adds rows for versions that are like the first of a prompt, each with a data key of its own, quickly. */
export async function fillWraps(vault: TestVault, like: ManagedVersion, count: number): Promise<void> {
  const { db } = vault.database;
  const keyring = keyringOf(vault.service);
  const first = await db
    .selectFrom('prompt_version')
    .selectAll()
    .where('prompt_id', '=', like.id)
    .where('version', '=', 1)
    .executeTakeFirstOrThrow();
  const { max } = await db
    .selectFrom('prompt_version')
    .select((eb) => eb.fn.max('version').as('max'))
    .where('prompt_id', '=', like.id)
    .executeTakeFirstOrThrow();
  for (let done = 0; done < count; done += 500) {
    const numbers = Array.from({ length: Math.min(500, count - done) }, (_, index) => max + done + index + 1);
    const keys = new Map(numbers.map((version) => [version, randomBytes(32)]));
    const versions = await Promise.all(
      [...keys].map(async ([version, key]) => ({
        ...first,
        version,
        content: 'none',
        chash: Buffer.from(randomBytes(32)).toString('base64url'),
        dkc: await dataKeyCommitment(key),
      })),
    );
    await db.insertInto('prompt_version').values(versions).execute();
    const rows = await Promise.all(
      versions.map(async ({ version, chash, dkc }) => {
        const key = keys.get(version) ?? randomBytes(32);
        const wrapped = await keyring.wrap(key, { ...like.context, ver: version, chash, dkc });
        const row = { org: 'acme', prompt_id: like.id, version };
        return { ...row, kek_version: wrapped.kekVersion, wrap: wrapped.wrap };
      }),
    );
    await db.insertInto('kek_wrap').values(rows).execute();
  }
}

/** How many data keys are under each KEK of acme. */
export async function wrapsByKek(vault: TestVault): Promise<Record<number, number>> {
  const { db } = vault.database;
  const rows = await db.selectFrom('kek_wrap').select('kek_version').where('org', '=', 'acme').execute();
  const counts: Record<number, number> = {};
  for (const { kek_version } of rows) counts[kek_version] = (counts[kek_version] ?? 0) + 1;
  return counts;
}

/** Opens the data key of a version as the vault does. */
export async function openManaged(vault: TestVault, of: ManagedVersion, service = vault.service): Promise<Uint8Array> {
  const row = await wrapsOf(service).find('acme', of.id, of.context.ver, vault.database.db);
  if (row === undefined) throw new Error('there is no data key');
  return keyringOf(service).unwrap({ kekVersion: row.kek_version, wrap: row.wrap }, of.context);
}

/** Every data key of acme in the clear, by prompt and version. @throws {Problem} internal if one does not open */
export async function everyDataKey(vault: TestVault, service = vault.service): Promise<Map<string, string>> {
  const rows = await vault.database.db
    .selectFrom('kek_wrap as w')
    .innerJoin('prompt_version as v', (join) =>
      join.onRef('v.prompt_id', '=', 'w.prompt_id').onRef('v.version', '=', 'w.version'),
    )
    .select(['w.prompt_id', 'w.version', 'w.kek_version', 'w.wrap', 'v.dek_id', 'v.chash', 'v.dkc'])
    .where('w.org', '=', 'acme')
    .orderBy('w.prompt_id')
    .orderBy('w.version')
    .execute();
  const keys = rows.map(async (row): Promise<[string, string]> => {
    const key = await keyringOf(service).unwrap(
      { kekVersion: row.kek_version, wrap: row.wrap },
      contextOf('acme', row),
    );
    return [`${row.prompt_id}@${row.version}`, Buffer.from(key).toString('base64url')];
  });
  return new Map(await Promise.all(keys));
}
