import {
  constants,
  createPrivateKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { generateKeyPair } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { databaseForTest, startTestPostgres } from '@bulla/testkit';
import pg from 'pg';
import { storePrompt } from '../../services/responder/test/asking.js';
import { startService } from '../../test/faults/service-process.js';
import { bring, vaultSettings } from '../../test/faults/vault-world.js';
import { asDeployed, NO_CALLER_IS_LIMITED } from '../world.js';

const DECRYPT_MS = 2_000;

/** What the move of grants from a key to a newer one came to, in a second. */
export interface GrantsMoved {
  /** RSA-2048 decryptions of one core. */
  readonly decrypts: number;
  /** Grants that were in the database under the new key. */
  readonly moved: number;
}

/** Has a responder move so many grants from an older RSA-2048 key to a newer one. It and its vault are processes of their own. */
export async function moveGrants(count: number, say: (line: string) => void): Promise<GrantsMoved> {
  const made = await databaseForTest({ startOwn: () => startTestPostgres({ settings: { fsync: 'on' } }) });
  if (made.url === undefined) throw new Error('there is no PostgreSQL: none answers, none is installed');
  const organisation = await makeOrganisation({ suite: 'rsa2048' });
  const own = await vaultSettings(organisation, made.url);
  const both = { ...NO_CALLER_IS_LIMITED, BULLA_DATABASE_URL: made.url };
  const vault = await startService('vault', { ...asDeployed('vault'), ...own.settings, ...both });
  const database = new pg.Client({ connectionString: made.url });
  const folder = await mkdtemp(join(tmpdir(), 'bulla-bench-'));
  try {
    await database.connect();
    await bring(vault.url, organisation);
    say(`grants: sealing ${count} prompts`);
    await fill(database, organisation, count);
    const younger = await listYounger(organisation);
    await database.query(
      `insert into vault.org_document (org, kind, version, token, sha256) values ($1, 'directory', $2, $3, $4)`,
      [
        organisation.org,
        organisation.trust.directory.version,
        organisation.documents.directory,
        organisation.trust.directoryRef.hash,
      ],
    );
    await database.query('insert into vault.directory_hash (org, version, sha256) values ($1, $2, $3)', [
      organisation.org,
      organisation.trust.directory.version,
      organisation.trust.directoryRef.hash,
    ]);
    const keys = join(folder, 'responder.keys.json');
    const { keyFile } = organisation.responders[0];
    await writeFile(keys, JSON.stringify({ ...keyFile, keys: [younger, ...keyFile.keys] }), { mode: 0o600 });
    const before = decryptsPerSecond();
    const of = {
      BULLA_VAULT_URL: vault.url,
      BULLA_PIN: organisation.pin,
      BULLA_KEYS_FILE: keys,
      BULLA_LLM: 'builtin:echo',
    };
    const responder = await startService('responder', { ...asDeployed('responder'), ...both, ...of });
    const perSecond = await movedPerSecond(database, younger.kid, count);
    await responder.stop();
    return { decrypts: (before + decryptsPerSecond()) / 2, moved: perSecond };
  } finally {
    await database.end();
    await vault.stop();
    await own.remove();
    await rm(folder, { recursive: true, force: true });
    await made.drop();
  }
}

/** From the first batch that is there to the last, by the times of the database: to ask it often would take from it. */
async function movedPerSecond(database: pg.Client, kid: string, count: number): Promise<number> {
  const text = `select count(*)::int as moved,
      (count(*) filter (where created_at > first))::int as later,
      extract(epoch from max(created_at) - min(first))::float8 as seconds
    from (select created_at, min(created_at) over () as first from vault.content_grant where kid = $1) as of_kid`;
  for (;;) {
    await pause(500);
    const { rows } = await database.query<{ moved: number; later: number; seconds: number }>(text, [kid]);
    const { moved = 0, later = 0, seconds = 0 } = rows[0] ?? {};
    if (moved === count) return later / seconds;
  }
}

/** Lists a younger key of the first responder, and returns it as its key file has it. */
async function listYounger(organisation: TestOrganisation) {
  const { kid, alg, suite, publicJwk: jwk, privateJwk } = await generateKeyPair('rsa2048', 'enc');
  const nbf = organisation.now - 60;
  const times = { nbf, use_until: nbf + 90 * 86_400, end: nbf + 120 * 86_400 };
  const facts = { kid, use: 'enc' as const, alg, suite, pur: ['unwrap' as const] };
  await organisation.publish((draft) => {
    draft.entities[organisation.responders[0].urn]?.keys.unshift({ ...facts, ...times, jwk });
  });
  return { ...facts, jwk: privateJwk };
}

async function fill(database: pg.Client, organisation: TestOrganisation, count: number): Promise<void> {
  const { org, author, responders } = organisation;
  const [{ urn, enc }] = responders;
  for (let index = 0; index < count; index++) {
    const { id, chash, content, grant, whash } = await storePrompt(organisation, { name: `bench/p${index}` });
    const dek = (JSON.parse(Buffer.from(content.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
    await database.query(
      `insert into vault.prompt (id, org, name, type, latest_version) values ($1, $2, $3, 'text', 1)`,
      [id, org, `bench/p${index}`],
    );
    await database.query(
      `insert into vault.prompt_version (prompt_id, version, org, chash, content, dek_id, author_kid, author_urn)
       values ($1, 1, $2, $3, $4, $5, $6, $7)`,
      [id, org, chash, content, dek, author.sig.kid, author.urn],
    );
    await database.query(
      `insert into vault.content_grant (whash, org, prompt_id, version, kid, aud, token, poster_kid)
       values ($1, $2, $3, 1, $4, $5, $6, $7)`,
      [whash, org, id, enc?.kid, urn, grant, author.sig.kid],
    );
  }
}

/** RSA-OAEP-256 decryptions with a key of 2048 bits, one after the other. */
function decryptsPerSecond(): number {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const sealed = publicEncrypt({ key: publicKey, ...padding }, randomBytes(32));
  const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const begunMs = performance.now();
  let done = 0;
  while (performance.now() - begunMs < DECRYPT_MS) {
    privateDecrypt({ key, ...padding }, sealed);
    done += 1;
  }
  return (done / (performance.now() - begunMs)) * 1000;
}
