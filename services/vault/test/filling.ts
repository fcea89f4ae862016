import type pg from 'pg';

/** Rows that are made at once. */
const BATCH = 50_000;

/** Which rows, and for whom. */
export interface Filling {
  readonly org: string;
  /** Prompts are numbered from 1. */
  readonly prompts: number;
  /** The key that all grants are for, and its holder. */
  readonly recipient: { readonly kid: string; readonly urn: string };
}

/** Label that three prompts bear, however many there are. */
export const RARE_LABEL = 'rare';

/** The name of a prompt by its number. */
export function filledName(n: number): string {
  return `fill/p${String(n).padStart(7, '0')}`;
}

/** The id of a prompt by its number. */
export function filledId(n: number): string {
  return `prm_0${String(n).padStart(25, '0')}`;
}

/** Entries of the log that are filled in have indices from here on, beyond all that a test brings about. */
const FIRST_INDEX = 10_000_000;
/** Months over which they are spread, each a partition. */
const MONTHS = 12;

/** The index of the entry of a prompt by its number. */
export function filledIndex(n: number): number {
  return FIRST_INDEX + n;
}

/**
 * Fills the tables of a vault by itself, with rows that its constraints allow and nobody signed: one prompt in fifty is
 * deleted, one in a hundred has ten versions and has moved its label ten times, one in ten bears `production`. Each
 * version has a grant, each position a tag, each prompt an envelope and an entry of the audit log, of which one in fifty is
 * a deletion and one in a thousand a refusal. Then the planner is told.
 */
export async function fillVault(client: pg.ClientBase, { org, prompts, recipient }: Filling): Promise<void> {
  const months = beginnings();
  await client.query(LOG, [org]);
  for (let month = 0; month < MONTHS; month++) await client.query(partitionOf(month));
  for (let from = 1; from <= prompts; from += BATCH) {
    const numbers = [from, Math.min(from + BATCH - 1, prompts)];
    for (const text of [PROMPTS, VERSIONS, LABELS, TAGS]) await client.query(text, [...numbers, org]);
    await client.query(ENTRIES, [...numbers, org, recipient.kid, prompts, months]);
    for (const text of [GRANTS, ENVELOPES]) await client.query(text, [...numbers, org, recipient.kid, recipient.urn]);
  }
  await client.query('vacuum analyze');
}

const NAME = `'fill/p' || lpad(n::text, 7, '0')`;
const ID = `'prm_0' || lpad(n::text, 25, '0')`;
const NUMBERS = 'generate_series($1::int, $2::int) as n';
const MANY = 'case when n % 100 = 0 then 10 else 1 end';
const hashOf = (text: string) =>
  `translate(rtrim(encode(sha256(convert_to(${text}, 'UTF8')), 'base64'), '='), '+/', '-_')`;
/** As long as tokens are with keys of RSA-2048. */
const TOKEN = `repeat(md5(n::text), 20)`;

const PROMPTS = `
  insert into vault.prompt (id, org, name, type, latest_version, deleted_at)
  select ${ID}, $3::text, ${NAME}, 'text', ${MANY}, case when n % 50 = 1 then now() end from ${NUMBERS}`;
const VERSIONS = `
  insert into vault.prompt_version (prompt_id, version, org, chash, content, dek_id, dkc, author_kid, author_urn)
  select ${ID}, v, $3::text, ${hashOf(`n || '-' || v`)}, ${TOKEN}, ${hashOf(`'dek' || n`)}, ${hashOf(`'dkc' || n || '-' || v`)}, ${hashOf(`'kid'`)}, 'urn'
  from ${NUMBERS}, generate_series(1, ${MANY}) as v`;
const GRANTS = `
  insert into vault.content_grant (whash, org, prompt_id, version, kid, aud, token, poster_kid)
  select ${hashOf(`n || '+' || v`)}, $3::text, ${ID}, v, $4::text, $5::text, ${TOKEN}, $4::text
  from ${NUMBERS}, generate_series(1, ${MANY}) as v`;
const LABELS = `
  insert into vault.prompt_label (org, name, label, seq, prompt_id, version, chash, pos)
  select $3::text, ${NAME}, label, seq, ${ID}, 1, ${hashOf(`n || '-1'`)}, ${hashOf(`n || label || seq`)}
  from ${NUMBERS}
  cross join (values ('latest', 1), ('production', 10), ('${RARE_LABEL}', 0)) as labels (label, every)
  cross join lateral generate_series(1, ${MANY}) as seq
  where case when every > 0 then n % every = 0 else n <= 3 end`;
const TAGS = `
  insert into vault.prompt_label_tag (org, name, label, seq, sha256, device_urn, kid, issued_at, expires_at, token)
  select org, name, label, seq, md5(pos), 'urn', 'kid', now(), now() + interval '1 year', repeat(md5(pos), 20)
  from vault.prompt_label
  where org = $3::text
    and name between 'fill/p' || lpad($1::text, 7, '0') and 'fill/p' || lpad($2::text, 7, '0')`;
const ENVELOPES = `
  insert into vault.envelope (jti, org, prompt_id, version, aud, requester_kid, whash, expires_at)
  select 'env_0' || lpad(n::text, 25, '0'), $3::text, ${ID}, 1, $5::text, $4::text, ${hashOf(`n || '+1'`)},
    now() + interval '1 hour'
  from ${NUMBERS}`;
/** The log itself, where its service has not begun it. */
const LOG = `
  insert into vault.audit_log (org, log, origin, size, frontier, root)
  values ($1, 1, 'urn:bulla:' || $1::text || ':svc:vault/audit/1', 0, '', sha256(''))
  on conflict do nothing`;
/**
 * Each month has as many, this one too, however long ago it began: of a table that is nearly empty the server reads all,
 * which costs least there.
 */
const ENTRIES = `
  insert into vault.audit_entry (org, log, idx, at, leaf, act, res, kid, objects)
  select $3::text, 1, ${FIRST_INDEX} + n,
    months[month + 1] + (months[month + 2] - months[month + 1]) * (place - month),
    convert_to('{"t":"' || repeat(md5(n::text), 20) || '"}', 'UTF8'),
    case when n % 50 = 1 then 'prompt.delete' else 'prompt.create' end,
    case when n % 1000 = 1 then 'denied' else 'ok' end, $4::text, array[${ID}]
  from ${NUMBERS}
  cross join lateral (select (n - 1) * ${MONTHS}::float8 / $5::int as place) as placed
  cross join lateral (select floor(place)::int as month, $6::timestamptz[] as months) as spread`;

/** The first moment of a month before this one; of the next one it is -1. */
function firstOf(before: number): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - before)).toISOString();
}

/** When each month of entries begins, the oldest first, and when the last of them is written: now. */
function beginnings(): string[] {
  return [...Array.from({ length: MONTHS }, (_, month) => firstOf(MONTHS - 1 - month)), new Date().toISOString()];
}

/** The partition of a month before this one, named as the sequencer names it. */
function partitionOf(before: number): string {
  const name = `audit_entry_${firstOf(before).slice(0, 7).replace('-', '_')}`;
  return `create table if not exists vault.${name} partition of vault.audit_entry
    for values from ('${firstOf(before)}') to ('${firstOf(before - 1)}')`;
}

/** Three counts of usage in each of so many hours up to now. */
export async function fillUsage(
  client: pg.Client,
  { org, hours, device }: { readonly org: string; readonly hours: number; readonly device: string },
): Promise<void> {
  await client.query(
    `insert into vault.usage_hour (org, hour, responder, device, model, runs, failed, uncounted, input_tokens, output_tokens, cost_nanos)
     select $1, date_trunc('hour', now(), 'UTC') - n * interval '1 hour', $2, $3, 'model-' || m, 1, 0, 0, 100, 50, 0
     from generate_series(0, $4::integer - 1) as n, generate_series(1, 3) as m`,
    [org, `urn:bulla:${org}:svc:responder:eu1`, device, hours],
  );
  await client.query('analyze vault.usage_hour');
}
