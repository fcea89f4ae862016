import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PlanMode, Sent } from '@bulla/testkit';
import { findPostgres, growthOf, statementsOf } from '@bulla/testkit';
import pg from 'pg';
import type { PromptRef } from './authoring.js';
import { must, publishPrompt } from './authoring.js';
import { filledId, filledIndex, filledName, fillUsage, fillVault, RARE_LABEL } from './filling.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const PROMPTS = 20_000;
/** Of usage: two years, with three models in each. */
const HOURS = 17_520;
/** A day of them has fewer counts. */
const COUNTS_MAX = 200;
/** Tables that grow with the number of prompts. What is small is read as a whole, which costs least. */
const TABLES = [
  'prompt',
  'prompt_version',
  'content_grant',
  'prompt_label',
  'prompt_label_tag',
  'envelope',
  'audit_entry',
  'usage_hour',
];
/** A page of a hundred prompts with three labels and ten positions each has so many rows at most. */
const ROWS_MAX = 3_000;
/** A page of a hundred entries; a month has more than three times as many. */
const ENTRIES_MAX = 500;
const MODES: readonly PlanMode[] = ['force_custom_plan', 'force_generic_plan'];

/** Statements for many at once have their values in a relation of this name. */
const isBatch = ({ text }: Sent) => text.includes('"given"');

const describeOnServer = findPostgres() === undefined ? describe.skip : describe;

describeOnServer('what a vault with many prompts reads', () => {
  let vault: TestVault;
  let prompt: PromptRef;
  let client: pg.Client;
  let url: string;
  /** Of the author, for whom all grants are. */
  let kid: string;
  /** By statement that writes for envelopes, what of its plan reads more than single rows, while the tables are as good as empty. */
  const planned = new Map<string, string[]>();
  beforeAll(async () => {
    vault = await startVault('PostgreSQL', 'p256', async (of) => (url = of));
    const { acme } = vault;
    prompt = await publishPrompt(vault, acme);
    client = new pg.Client({ connectionString: url });
    await client.connect();
    const ask = { name: prompt.name, label: 'production', aud: acme.responders[0].urn };
    const issue = async () => must(201, await vault.clientOf(acme.invoker).post('/api/v1/envelopes', ask));
    for (const sent of (await statementsOf('vault', issue)).filter(isBatch))
      planned.set(sent.text, await growthOf(client, sent, { mode: 'force_generic_plan', tables: TABLES, rowsMax: 2 }));
    kid = acme.author.enc?.kid ?? '';
    const recipient = { kid, urn: acme.author.urn };
    await fillVault(client, { org: acme.org, prompts: PROMPTS, recipient });
    await fillUsage(client, { org: acme.org, hours: HOURS, device: acme.invoker.urn });
  });
  afterAll(async () => {
    await client.end();
    await vault.stop();
  });

  it('is single rows from the first write on: a plan is kept while its tables grow', () => {
    expect([...planned.values()]).toEqual([[]]);
  });

  const faultsOf = async (work: () => Promise<unknown>, rowsMax = ROWS_MAX) => {
    const statements = await statementsOf('vault', work);
    expect(statements).not.toEqual([]);
    const faults: string[] = [];
    for (const sent of statements) {
      for (const mode of MODES) {
        const found = await growthOf(client, sent, { mode, tables: TABLES, rowsMax });
        faults.push(...found.map((fault) => `${fault} (${mode}): ${sent.text}`));
      }
    }
    return faults;
  };
  const read = async (path: string) => must(200, await vault.clientOf(vault.acme.author).get(path));

  // The control: what does grow with the table is found.
  it.each([
    ['a whole table', `select * from "vault"."prompt" where type = $1`, ['chat'], 'reads the whole table'],
    [
      'all rows behind an index',
      `select count(name) from "vault"."prompt" where name > $1`,
      ['a'],
      'reads the whole table',
    ],
    [
      'rows that a filter throws away',
      `select * from "vault"."prompt" where org = $1 and deleted_at is null and type = $2 order by name limit 1`,
      ['acme', 'chat'],
      'rows',
    ],
  ])('is found where it is %s', async (_name, text, values, fault) => {
    const faults = await faultsOf(() => client.query(text, values));
    expect(faults.join('\n')).toContain(fault);
  });

  const middle = encodeURIComponent(
    Buffer.from(JSON.stringify([filledName(PROMPTS / 2), filledId(PROMPTS / 2)])).toString('base64url'),
  );
  it.each([
    ['the first page of prompts', () => '/api/v1/prompts?limit=100'],
    ['a page in the middle', () => `/api/v1/prompts?limit=100&cursor=${middle}`],
    ['a page of a prefix', () => '/api/v1/prompts?limit=100&prefix=fill/p001'],
    ['a page of a label that every tenth bears', () => '/api/v1/prompts?limit=100&label=production'],
    ['a page of a label that three bear', () => `/api/v1/prompts?limit=100&label=${RARE_LABEL}`],
    ['a page of such a label, from the middle on', () => `/api/v1/prompts?label=${RARE_LABEL}&cursor=${middle}`],
    ['a page of deleted prompts', () => '/api/v1/prompts?limit=100&status=deleted'],
    ['a prompt by its name', () => `/api/v1/prompts/by-name?name=${encodeURIComponent(filledName(777))}`],
    ['a prompt', () => `/api/v1/prompts/${filledId(700)}`],
    ['versions of a prompt', () => `/api/v1/prompts/${prompt.id}/versions`],
    ['its grants', () => `/api/v1/prompts/${filledId(700)}/grants`],
    ['the grants of a key', () => `/api/v1/grants?limit=100&kid=${kid}`],
    ['labels of a prompt', () => `/api/v1/prompts/${prompt.id}/labels`],
    ['a label', () => `/api/v1/prompts/${prompt.id}/labels/production`],
    ['where a label stood', () => `/api/v1/prompts/${prompt.id}/labels/production/positions`],
  ])('is %s, and no more with every prompt', async (_name, path) => {
    expect(await faultsOf(() => read(path()))).toEqual([]);
  });

  const before = (days: number) => encodeURIComponent(new Date(Date.now() - days * 86_400_000).toISOString());
  it.each([
    ['newest first', () => ''],
    ['from an index on', () => `&from=${filledIndex(PROMPTS / 2)}`],
    ['of an actor', () => `&actor=${kid}`],
    ['of an act', () => '&act=prompt.delete'],
    ['of an object', () => `&object=${filledId(700)}`],
    ['of refusals', () => '&result=denied'],
    ['of a day', () => `&since=${before(200)}&until=${before(199)}`],
  ])('is a page of the audit log %s, and no more with every entry', async (_name, filter) => {
    const page = () => vault.clientOf(vault.acme.owner).get(`/api/v1/audit/entries?limit=100${filter()}`);
    expect(await faultsOf(async () => must(200, await page()), ENTRIES_MAX)).toEqual([]);
  });

  it.each([
    ['everybody, by prompt', () => vault.acme.owner, 'prompt'],
    ['everybody, by hour', () => vault.acme.owner, 'hour'],
    ['one device', () => vault.acme.invoker, 'model'],
  ])('is a day of the usage of %s, and no more with every hour that is kept', async (_name, member, by) => {
    const path = `/api/v1/usage?by=${by}&since=${before(1)}`;
    const page = () => vault.clientOf(member()).get(path);
    expect(await faultsOf(async () => must(200, await page()), COUNTS_MAX)).toEqual([]);
  });

  it.each([
    ['its name', () => ({ name: prompt.name })],
    ['its id', () => ({ prompt: prompt.id })],
  ])('and writes for an envelope of a prompt by %s is no more with every prompt', async (_name, by) => {
    const wanted = { ...by(), label: 'production', aud: vault.acme.responders[0].urn };
    const ask = () => vault.clientOf(vault.acme.invoker).post('/api/v1/envelopes', wanted);
    expect(await faultsOf(async () => must(201, await ask()))).toEqual([]);
  });
});
