import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { urnOf } from '@bulla/crypto';
import { kekId, sealKekWrap } from '@bulla/crypto/open';
import pg from 'pg';
import { openFileRootKey } from '../../services/vault/src/managed/root-key/file-root-key.js';
import { call } from '../../test/faults/signed-requests.js';
import type { Figures } from '../figures.js';
import { offer } from '../measure.js';
import { envelopeRequests } from '../requests.js';
import type { ManagedWorld } from './managed-world.js';

const IN_ONE_STATEMENT = 500;
const CLIENTS = 500;
const ROTATED_WITHIN_MS = 300_000;

/** What rotating the KEK of an organisation came to. */
export interface RotationCosts {
  readonly keys: number;
  /** Data keys under the new KEK, a second, while nobody else asked for anything. */
  readonly alone: number;
  /** Envelopes that were asked for, a second. */
  readonly perSecond: number;
  /** Without a rotation, and during one. */
  readonly quiet: Figures;
  readonly busy: Figures;
  /** Data keys under the new KEK, a second, meanwhile. */
  readonly meanwhile: number;
}

/**
 * Rotates a KEK with so many data keys under it alone, then while envelopes are asked for.
 * @param perSecond envelopes
 */
export async function rotateUnderLoad(
  world: ManagedWorld,
  { keys, perSecond, seconds, say }: { keys: number; perSecond: number; seconds: number; say: (line: string) => void },
): Promise<RotationCosts> {
  const database = new pg.Client({ connectionString: world.databaseUrl });
  await database.connect();
  try {
    say(`rotation: wrapping ${keys} data keys`);
    await fill(world, database, keys);
    const alone = await rotated(world, database, say);
    const asking = {
      name: 'rotation',
      service: world.vault,
      make: (url: string) => envelopeRequests(url, world.ground),
    };
    const load = { clients: CLIENTS, seconds, say };
    await offer(asking, perSecond, load);
    const quiet = (await offer(asking, perSecond, load)).figures;
    const ended = new AbortController();
    const rotating = rotateUntil(world, database, ended.signal);
    const busy = (await offer(asking, perSecond, load)).figures;
    ended.abort();
    return { keys, alone, perSecond, quiet, busy, meanwhile: await rotating };
  } finally {
    await database.end();
  }
}

/** From the first data keys that are under the new KEK to the last. */
async function rotated(world: ManagedWorld, database: pg.Client, say: (line: string) => void): Promise<number> {
  const job = await rotate(world);
  const untilMs = performance.now() + ROTATED_WITHIN_MS;
  const look = async () => {
    if (performance.now() > untilMs) throw new Error('the KEK was not rotated in time');
    return lookAt(database, job);
  };
  let first = await look();
  for (; first.done === 0; first = await look()) await pause(5);
  const begunMs = performance.now();
  let last = first;
  for (; last.state !== 'done'; last = await look()) await pause(5);
  const perSecond = (last.done - first.done) / ((performance.now() - begunMs) / 1_000);
  say(`rotation: ${perSecond.toFixed(0)} data keys a second alone`);
  return perSecond;
}

/** Begins one rotation after the other. @returns data keys that were moved, a second */
async function rotateUntil(world: ManagedWorld, database: pg.Client, ended: AbortSignal): Promise<number> {
  const begunMs = performance.now();
  let moved = 0;
  while (!ended.aborted) {
    const job = await rotate(world);
    let at = await lookAt(database, job);
    for (; at.state !== 'done' && !ended.aborted; at = await lookAt(database, job)) await pause(100);
    moved += at.done;
  }
  return moved / ((performance.now() - begunMs) / 1_000);
}

/** Asks for a rotation of the KEK. @returns the id of the job */
async function rotate({ vault, ground: { organisation } }: ManagedWorld): Promise<string> {
  const asked = { body: { what: 'kek' } };
  const { status, body } = await call(vault.url, organisation.owner, 'POST', '/api/v1/keys/rotations', asked);
  if (status !== 201) throw new Error(`no rotation was begun: ${status}`);
  return (body as { id: string }).id;
}

async function lookAt(database: pg.Client, job: string): Promise<{ readonly done: number; readonly state: string }> {
  const text = 'select done::int as done, state from vault.job where id = $1';
  const { rows } = await database.query<{ done: number; state: string }>(text, [job]);
  if (rows[0] === undefined) throw new Error('the job is gone');
  return rows[0];
}

/** Adds versions that are like the first of the managed prompt, each with a data key of its own, under the active KEK. */
async function fill({ managed, rootKeyFile }: ManagedWorld, database: pg.Client, keys: number): Promise<void> {
  const { organisation, prompt } = managed;
  const { org } = organisation;
  const kek = await activeKek(database, rootKeyFile, org);
  const dek = (JSON.parse(Buffer.from(prompt.content.split('.')[0] ?? '', 'base64url').toString()) as { kid: string })
    .kid;
  const sub = urnOf(org, 'prompt', prompt.id);
  const first = prompt.ver + 1;
  for (let done = 0; done < keys - 1; done += IN_ONE_STATEMENT) {
    const count = Math.min(IN_ONE_STATEMENT, keys - 1 - done);
    const rows = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const ver = first + done + index;
        const chash = randomBytes(32).toString('base64url');
        const wrap = await sealKekWrap(randomBytes(32), kek.key, kek.id, { org, sub, ver, dek, chash });
        return { ver, chash, wrap };
      }),
    );
    const versions = rows.map(({ ver }) => ver);
    await database.query(
      `insert into vault.prompt_version (prompt_id, version, org, chash, content, dek_id, author_kid, author_urn)
       select prompt_id, given.version, org, given.chash, 'none', dek_id, author_kid, author_urn
       from vault.prompt_version, unnest($2::int[], $3::text[]) as given (version, chash)
       where prompt_id = $1 and prompt_version.version = $4`,
      [prompt.id, versions, rows.map(({ chash }) => chash), prompt.ver],
    );
    await database.query(
      `insert into vault.kek_wrap (org, prompt_id, version, kek_version, wrap)
       select $1, $2, given.version, $3, given.wrap from unnest($4::int[], $5::text[]) as given (version, wrap)`,
      [org, prompt.id, kek.version, versions, rows.map(({ wrap }) => wrap)],
    );
  }
  await database.query('analyze vault.prompt_version, vault.kek_wrap');
}

async function activeKek(database: pg.Client, rootKeyFile: string, org: string) {
  const { rows } = await database.query<{ version: number; wrapped: string }>(
    `select version, wrapped from vault.kek where org = $1 and state = 'active'`,
    [org],
  );
  const [row] = rows;
  const root = await openFileRootKey(rootKeyFile, { production: false, dataFolders: [] });
  if (row === undefined || root === undefined) throw new Error('the vault has no KEK');
  const { version, wrapped } = row;
  const id = kekId(org, version);
  const bytes = await root.unwrap(wrapped, { org, kek: id, kver: version });
  return { version, id, key: bytes };
}
