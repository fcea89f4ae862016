import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Problem } from '@bulla/contract';
import type { Database } from '@bulla/service-kit';
import type { VaultTables } from '../src/index.js';
import { DataKeys } from '../src/managed/custody/data-keys.js';
import type { WrapContext } from '@bulla/crypto/open';
import type { WrappedDataKey } from '../src/managed/custody/data-keys.js';

const KEY = randomBytes(32);

export class TestDataKeys extends DataKeys {
  constructor(private readonly database: Database<VaultTables>) {
    super();
  }
  override async wrap(dek: Uint8Array, context: WrapContext): Promise<WrappedDataKey> {
    const at = { activated_at: new Date() };
    await this.database.db
      .insertInto('root_key')
      .values({ kid: 'root:file:test', check_value: 'check', state: 'active', ...at })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await this.database.db
      .insertInto('kek')
      .values({ org: context.org, version: 1, root_kid: 'root:file:test', wrapped: 'wrapped', state: 'active', ...at })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', KEY, iv).setAAD(Buffer.from(JSON.stringify(context)));
    const bytes = Buffer.concat([iv, cipher.update(dek), cipher.final()]);
    return { kekVersion: 1, wrap: Buffer.concat([bytes, cipher.getAuthTag()]).toString('base64url') };
  }
  override async unwrap({ wrap }: WrappedDataKey, context: WrapContext): Promise<Uint8Array> {
    const bytes = Buffer.from(wrap, 'base64url');
    const opening = createDecipheriv('aes-256-gcm', KEY, bytes.subarray(0, 12), { authTagLength: 16 })
      .setAAD(Buffer.from(JSON.stringify(context)))
      .setAuthTag(bytes.subarray(-16));
    try {
      return Buffer.concat([opening.update(bytes.subarray(12, -16)), opening.final()]);
    } catch {
      throw new Problem('internal');
    }
  }
}
