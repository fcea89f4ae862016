import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PromptId } from '@bulla/contract';
import { targetOf } from '@bulla/contract';
import type { Recipient } from '@bulla/crypto';
import { parseContent, parseEnvelope, parseGrant, parseStatement, randomBytes } from '@bulla/crypto';
import { openContent, openGrant } from '@bulla/crypto/open';
import { sealUnfit } from '@bulla/crypto/testing';
import { sql } from 'kysely';
import { PromptsRepository } from '../src/prompts/prompts.repository.js';
import type { Bundle, PromptRef, SealOptions } from './authoring.js';
import {
  basedOn,
  bodyOf,
  createPrompt,
  mintId,
  moveLabel,
  must,
  publishPrompt,
  pushVersion,
  sealVersion,
  urnOf,
} from './authoring.js';
import { expectRefusal, untilSettled } from './refusals.js';
import { publishNext } from './renewing.js';
import type { Store, TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let names = 0;
const managedName = () => `open/faq-${(names += 1)}`;

describe.each<Store>(['PostgreSQL', 'PGlite'])('managed names on %s', (store) => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault(store);
  });
  afterAll(() => vault.stop());

  const author = () => vault.clientOf(vault.acme.author);
  const eu1 = () => vault.acme.responders[0];
  const pathOf = ({ id }: PromptRef) => `/api/v1/prompts/${id}/versions`;
  const wrapsOf = async ({ id }: PromptRef) => {
    const rows = await vault.database.db.selectFrom('kek_wrap').selectAll().where('prompt_id', '=', id).execute();
    return rows.map(({ version }) => version);
  };
  const issue = (prompt: PromptRef, aud = eu1().urn, member: TestMember = vault.acme.invoker) =>
    vault.clientOf(member).post('/api/v1/envelopes', { prompt: prompt.id, label: 'production', aud });
  const grantsFor = async ({ id }: PromptRef, kid = eu1().enc?.kid ?? '') =>
    vault.database.db
      .selectFrom('content_grant')
      .selectAll()
      .where('prompt_id', '=', id)
      .where('kid', '=', kid)
      .execute();
  /** A managed prompt that is sealed to its author alone. */
  const unsealed = (options: SealOptions = {}) =>
    publishPrompt(vault, vault.acme, managedName(), { to: [], ...options });

  /** What a responder makes of a bundle. */
  async function opened(bundle: Bundle, responder = eu1()) {
    const envelope = parseEnvelope(bundle.env);
    if (envelope.kind !== 'prompt') throw new Error('not of a prompt');
    const { prm } = envelope.claims;
    const [sub, ver] = [urnOf('acme', 'prompt', prm.id), prm.ver];
    const content = parseContent(bundle.content ?? '');
    const expected = {
      urn: responder.urn,
      sub,
      ver,
      chash: prm.chash,
      dekId: content.header.kid,
      dkc: content.header.dkc ?? '',
    };
    const dek = await openGrant(parseGrant(bundle.grant ?? ''), await responder.unwrapper(), expected);
    return parseStatement(await openContent(content, dek, { org: 'acme', sub, ver })).claims;
  }

  describe('a version', () => {
    it('comes with the key of its content, which the vault keeps under a key of the organisation', async () => {
      const prompt = await publishPrompt(vault, vault.acme, managedName());
      expect(await wrapsOf(prompt)).toEqual([1]);
      const row = await vault.database.db
        .selectFrom('kek_wrap')
        .select('wrap')
        .where('prompt_id', '=', prompt.id)
        .executeTakeFirstOrThrow();
      expect(row.wrap).not.toContain(prompt.version.deposit ?? '');
      await pushVersion(vault, vault.acme, prompt, 2);
      expect(await wrapsOf(prompt)).toEqual([1, 2]);
    });

    it('of a sealed name leaves nothing that the vault could read', async () => {
      expect(await wrapsOf(await publishPrompt(vault, vault.acme, `open/secret/${managedName()}`))).toEqual([]);
    });

    const refused: [string, (prompt: PromptRef) => Promise<object>, number, string, object?][] = [
      [
        'without a deposit',
        async (prompt) => ({ ...(await bodyFor(prompt)), deposit: undefined }),
        403,
        'custody_not_allowed',
      ],
      [
        'with a deposit of another content, which commits to another key [guard: vault-deposit-commitment]',
        async (prompt) => ({ ...(await bodyFor(prompt)), deposit: (await bodyFor(prompt)).deposit }),
        400,
        'envelope_tampered',
      ],
      [
        'with a deposit that holds another key',
        async (prompt) => {
          const body = await bodyFor(prompt);
          const [key] = vault.acme.trust.activeKeys(vault.acme.vault.urn, 'deposit', vault.acme.now);
          return { ...body, deposit: await depositOf(body, key) };
        },
        400,
        'open_failed',
      ],
      [
        'with a deposit to a key that is listed for something else [guard: vault-deposit-purpose]',
        async (prompt) => {
          const body = await bodyFor(prompt);
          const [key] = vault.acme.trust.activeKeys(eu1().urn, 'unwrap', vault.acme.now);
          return { ...body, deposit: await depositOf(body, key && { ...key, urn: vault.acme.vault.urn }) };
        },
        401,
        'key_unknown',
      ],
      [
        'whose author says that it is sealed [guard: managed-statement]',
        (prompt) => bodyFor(prompt, { statement: { custody: 'sealed' } }),
        400,
        'open_failed',
      ],
      [
        'that is about another name',
        (prompt) => bodyFor(prompt, { statement: { name: 'open/other' } }),
        400,
        'open_failed',
      ],
      [
        'by a connection that others can read [guard: vault-deposit-secure]',
        (prompt) => bodyFor(prompt),
        403,
        'forbidden',
        { 'x-forwarded-proto': 'http' },
      ],
    ];
    async function bodyFor(prompt: PromptRef, options: SealOptions = {}) {
      const sealed = await sealVersion(vault.acme, vault.acme.author, prompt, 1, [], options);
      const { content, grants, deposit, chash } = sealed;
      return { content, grants, deposit, chash };
    }
    /** Of this content, and of another key. */
    function depositOf({ content, chash }: { content: string; chash: string }, to: Recipient | undefined) {
      if (to === undefined) throw new Error('there is no key to seal to');
      const { header } = parseContent(content);
      const place = { sub: header.sub, ver: 1, dekId: header.kid, chash, dkc: header.dkc ?? '' };
      return sealUnfit(place, to, { typ: 'bulla-deposit+jwe' });
    }
    it.each(refused)('is not taken %s', async (_name, make, status, code, headers = {}) => {
      const prompt = await createPrompt(vault, vault.acme, managedName());
      const { chash: _chash, ...body } = (await make(prompt)) as { chash?: string };
      const options = { headers: { ...basedOn(0).headers, ...headers } };
      await expectRefusal(vault, () => author().post(pathOf(prompt), body, options), status, code as never);
    });

    it('is not stored as a sealed one where its name was not known yet when it came [guard: vault-version-custody]', async () => {
      const prompt = await createPrompt(vault, vault.acme, managedName());
      const { content, grants } = await sealVersion(vault.acme, vault.acme.author, prompt, 1);
      const repository = vault.service.app.get(PromptsRepository, { strict: false });
      const send = () => {
        jest.spyOn(repository, 'find').mockResolvedValueOnce(undefined);
        return author().post(pathOf(prompt), { content, grants }, basedOn(0));
      };
      await expectRefusal(vault, send, 403, 'custody_not_allowed');
      jest.restoreAllMocks();
    });

    it('of a sealed name brings no key [guard: vault-deposit-sealed]', async () => {
      const managed = await createPrompt(vault, vault.acme, managedName());
      const { deposit } = await sealVersion(vault.acme, vault.acme.author, managed, 1);
      const sealed = await createPrompt(vault, vault.acme);
      const { content, grants } = await sealVersion(vault.acme, vault.acme.author, sealed, 1);
      const send = () => author().post(pathOf(sealed), { content, grants, deposit }, basedOn(0));
      await expectRefusal(vault, send, 403, 'custody_not_allowed');
    });

    it('is opened for nobody who may not write the name', async () => {
      const prompt = await createPrompt(vault, vault.acme, managedName());
      const { owner } = vault.acme;
      const outsider = await vault.acme.makeDevice('outsider', { roles: ['author'], groups: [] });
      await vault.acme.publish((draft) => {
        draft.entities[outsider.urn] = outsider.entity;
      });
      must(
        200,
        await vault
          .clientOf(owner)
          .put(
            targetOf('directory.publish', { org: 'acme' }),
            { directory: vault.acme.documents.directory },
            basedOn(vault.acme.trust.directory.version - 1),
          ),
      );
      const { content, grants, deposit } = await sealVersion(vault.acme, outsider, prompt, 1);
      const send = () => vault.clientOf(outsider).post(pathOf(prompt), { content, grants, deposit }, basedOn(0));
      await expectRefusal(vault, send, 403, 'forbidden');
    });
  });

  describe('an envelope', () => {
    it('of a version that no responder has a grant of brings one, which the vault made and keeps', async () => {
      const prompt = await unsealed();
      expect(await grantsFor(prompt)).toEqual([]);
      const first = bodyOf<Bundle>(must(201, await issue(prompt)));
      expect(await opened(first)).toMatchObject({ custody: 'managed', name: prompt.name });
      const again = bodyOf<Bundle>(must(201, await issue(prompt)));
      expect(again.grant).toBe(first.grant);
      expect(await grantsFor(prompt)).toMatchObject([{ poster_kid: vault.acme.vault.sig.kid }]);
    });

    it('is asked for by many at once, and one grant is made', async () => {
      const prompt = await unsealed();
      const replica = await vault.startReplica();
      const clients = [vault.clientOf(vault.acme.invoker), vault.clientOf(vault.acme.invoker)];
      const wanted = { prompt: prompt.id, label: 'production', aud: eu1().urn };
      const answers = await Promise.all(
        clients.flatMap((client) =>
          Array.from({ length: 5 }, () => untilSettled(() => client.post('/api/v1/envelopes', wanted))),
        ),
      );
      void replica;
      const grants = new Set(answers.map((answer) => bodyOf<Bundle>(must(201, answer)).grant));
      expect(grants.size).toBe(1);
      expect(await grantsFor(prompt)).toHaveLength(1);
    });

    it('is for the responders that the author named, whoever asks for another [guard: managed-grant-recipient]', async () => {
      const acl = { invoke: ['grp:support'], read: [], responders: [vault.acme.responders[1].urn] };
      const prompt = await unsealed({ statement: { acl } });
      await expectRefusal(vault, () => issue(prompt), 409, 'needs_rewrap');
      must(201, await issue(prompt, vault.acme.responders[1].urn));
    });

    it('waits for an author where the word of the one who wrote it does not count any more [guard: managed-grant-author]', async () => {
      const { acme } = vault;
      const leaver = await acme.makeDevice('leaver', { roles: ['author'], groups: ['grp:authors'] });
      must(200, await publishNext(vault, acme, (draft) => void (draft.entities[leaver.urn] = leaver.entity), true));
      const prompt = await createPrompt(vault, acme, managedName());
      const { content, grants, deposit, chash } = await sealVersion(acme, leaver, prompt, 1, [], { to: [] });
      must(201, await vault.clientOf(leaver).post(pathOf(prompt), { content, grants, deposit }, basedOn(0)));
      for (const tag of ['latest', 'production']) await moveLabel(vault, acme, prompt, { tag, ver: 1, chash, seq: 1 });
      const revoked = { kid: leaver.sig.kid, reason: 'keyCompromise' as const, at: acme.now };
      must(200, await publishNext(vault, acme, (draft) => void draft.revoked.push(revoked), true));
      await expectRefusal(vault, () => issue(prompt), 409, 'needs_rewrap');
    });

    it('is not made under a sealed name, whatever lies beside it [guard: managed-grant-custody]', async () => {
      const managed = await unsealed();
      const sealed = await publishPrompt(vault, vault.acme, undefined, { to: [] });
      await vault.database.db
        .updateTable('kek_wrap')
        .set({ prompt_id: sealed.id })
        .where('prompt_id', '=', managed.id)
        .execute();
      await expectRefusal(vault, () => issue(sealed), 409, 'needs_rewrap');
    });

    it('is not made from the wrap of another prompt or version, or of another organisation', async () => {
      const [one, other] = [await unsealed(), await unsealed()];
      await pushVersion(vault, vault.acme, one, 2, [], { to: [] });
      const wrapOf = async ({ id }: PromptRef, version: number) => {
        const rows = vault.database.db.selectFrom('kek_wrap').select('wrap').where('prompt_id', '=', id);
        return (await rows.where('version', '=', version).executeTakeFirstOrThrow()).wrap;
      };
      const put = (wrap: string) =>
        vault.database.db
          .updateTable('kek_wrap')
          .set({ wrap })
          .where('prompt_id', '=', one.id)
          .where('version', '=', 1)
          .execute();
      const right = await wrapOf(one, 1);
      for (const wrong of [await wrapOf(other, 1), await wrapOf(one, 2)]) {
        await put(wrong);
        await expectRefusal(vault, () => issue(one), 500, 'internal');
      }
      await put(right);
      must(201, await issue(one));
    });
  });

  describe('a version in the clear', () => {
    const TEXT = 'Answer {{question}}: lapwing-clear-canary.';
    const clear = (changes: object = {}) => ({
      salt: Buffer.from(randomBytes(16)).toString('base64url'),
      statement: {
        acl: { invoke: ['grp:support'], read: [], responders: [eu1().urn] },
        input: { messages: false },
        content: {
          messages: [{ role: 'user', content: TEXT }],
          vars: { question: { type: 'string', max: 1000 } },
          model: { name: 'default' },
        },
        protect_until: '2029-12-31',
        message: 'from a form',
        ...changes,
      },
    });
    const entrust = (prompt: PromptRef, body: object, headers = {}, idempotencyKey?: string) =>
      author().post(`/api/v1/prompts/${prompt.id}/entrusted-versions`, body, {
        headers: { ...basedOn(0).headers, ...headers },
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      });
    const fresh = (): PromptRef => ({ id: mintId('prm'), name: managedName() });
    const made = (prompt: PromptRef) => ({ prompt: { name: prompt.name, type: 'text' } });

    it('is signed by the vault, sealed to those it names, and runs once somebody points a label to it', async () => {
      const prompt = fresh();
      const stored = must(201, await entrust(prompt, { ...clear(), ...made(prompt) }));
      const { version, chash } = bodyOf<{ version: number; chash: string }>(stored);
      for (const tag of ['latest', 'production'])
        await moveLabel(vault, vault.acme, prompt, { tag, ver: version, chash, seq: 1 });
      const statement = await opened(bodyOf<Bundle>(must(201, await issue(prompt))));
      expect(statement).toMatchObject({ iss: vault.acme.vault.urn, custody: 'managed', name: prompt.name, ver: 1 });
      expect(statement.content.messages).toEqual([{ role: 'user', content: TEXT }]);
      expect(await wrapsOf(prompt)).toEqual([1]);
      const { grant } = bodyOf<{ grant: string | null }>(must(200, await author().get(`${pathOf(prompt)}/1`)));
      expect(parseGrant(grant ?? '').header.aud).toBe(vault.acme.author.urn);
    });

    it('holds tools, the format of the answer and what askers may set', async () => {
      const prompt = fresh();
      const tools = [{ type: 'function', function: { name: 'f', parameters: '{"type":"object"}' } }];
      const content = {
        messages: [{ role: 'user', content: 'x' }],
        vars: {},
        model: { name: 'default', temperature: 0.5, tools, response_format: { type: 'json_object' } },
      };
      const input = { messages: true, parameters: ['temperature', 'seed'] };
      const stored = must(201, await entrust(prompt, { ...clear({ content, input }), ...made(prompt) }));
      const { version, chash } = bodyOf<{ version: number; chash: string }>(stored);
      for (const tag of ['latest', 'production'])
        await moveLabel(vault, vault.acme, prompt, { tag, ver: version, chash, seq: 1 });
      expect(await opened(bodyOf<Bundle>(must(201, await issue(prompt))))).toMatchObject({ content, input });
    });

    it('answers a retry as before, and a request with that key that says something else is refused [guard: entrust-keyed-hash]', async () => {
      const prompt = fresh();
      const body = { ...clear(), ...made(prompt) };
      const key = `entrust-${prompt.id}`;
      const first = must(201, await entrust(prompt, body, {}, key));
      const again = must(201, await entrust(prompt, body, {}, key));
      expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, '?1']);
      const other = { ...body, ...clear({ message: 'another' }) };
      expect((await entrust(prompt, other, {}, key)).status).toBe(422);
      const { request_sha256: kept } = await vault.database.db
        .selectFrom('idempotency')
        .select('request_sha256')
        .where('key', '=', key)
        .executeTakeFirstOrThrow();
      const bodySha256 = await digest(JSON.stringify(body));
      const path = `/api/v1/prompts/${prompt.id}/entrusted-versions`;
      expect(kept).not.toBe(await digest(JSON.stringify(['POST', path, '?', '"0"', bodySha256])));
      expect(kept).toMatch(/^[\w-]{43}$/);
    });

    it.each<[string, () => PromptRef, object, object, number, string]>([
      [
        'of a sealed name [guard: entrust-custody]',
        () => ({ ...fresh(), name: 'claims/clear' }),
        {},
        {},
        403,
        'custody_not_allowed',
      ],
      [
        'by a connection that others can read [guard: entrust-secure]',
        fresh,
        {},
        { via: '1.1 proxy' },
        403,
        'forbidden',
      ],
      [
        'with a variable that it does not declare',
        fresh,
        { content: { messages: [{ role: 'user', content: '{{secret_word}}' }], vars: {}, model: { name: 'default' } } },
        {},
        400,
        'validation_failed',
      ],
      ...['{', '[]', `${'{"secret_word":'.repeat(999)}{}${'}'.repeat(999)}`, '{"a":1,"a":"secret_word"}'].map(
        (parameters): [string, () => PromptRef, object, object, number, string] => [
          `with a tool whose schema is ${parameters.slice(0, 16)} (${parameters.length} characters)`,
          fresh,
          {
            content: {
              messages: [{ role: 'user', content: 'x' }],
              vars: {},
              model: { name: 'default', tools: [{ type: 'function', function: { name: 'f', parameters } }] },
            },
          },
          {},
          400,
          'validation_failed',
        ],
      ),
      [
        'for a responder that is not there',
        fresh,
        { acl: { invoke: [], read: [], responders: ['urn:bulla:acme:svc:responder:nowhere'] } },
        {},
        400,
        'validation_failed',
      ],
    ])('is not taken %s', async (_name, place, changes, headers, status, code) => {
      const prompt = place();
      const send = () => entrust(prompt, { ...clear(changes), ...made(prompt) }, headers);
      const { text } = await expectRefusal(vault, send, status, code as never);
      expect(text).not.toContain('secret_word');
    });

    it('leaves its text nowhere: not in tables, not in lines of the log, not as a plain hash', async () => {
      const prompt = fresh();
      const body = { ...clear(), ...made(prompt) };
      must(201, await entrust(prompt, body));
      await entrust(prompt, body);
      await expectRefusal(vault, () => entrust(prompt, clear()), 412, 'version_conflict');
      const needles = [TEXT, 'lapwing-clear-canary', await digest(TEXT), hex(TEXT)];
      const found = async () => {
        const kept = await everything();
        return needles.filter((needle) => kept.includes(needle));
      };
      expect(await found()).toEqual([]);
      // What is looked for is found where it is.
      const planted = {
        org: 'acme',
        keyid: 'planted',
        key: 'planted',
        request_sha256: await digest(TEXT),
        expires_at: 0,
      };
      await vault.database.db
        .insertInto('idempotency')
        .values({ ...planted, answer: JSON.stringify({ body: TEXT }) })
        .execute();
      expect(await found()).toEqual([TEXT, 'lapwing-clear-canary', await digest(TEXT)]);
      await vault.database.db.deleteFrom('idempotency').where('key', '=', 'planted').execute();
    });

    /** All rows of all tables, and all lines of the log. */
    async function everything(): Promise<string> {
      const { rows } = await sql<{ name: string }>`
        select table_name as name from information_schema.tables where table_schema = 'vault'`.execute(
        vault.database.db,
      );
      const texts = [...vault.log];
      for (const { name } of rows) {
        const table = await sql<{ row: string }>`select t::text as row from ${sql.table(`vault.${name}`)} t`.execute(
          vault.database.db,
        );
        for (const { row } of table.rows) texts.push(row, ...decoded(row));
      }
      return texts.join('\n');
    }
  });

  describe('a prompt that is deleted', () => {
    it('cannot be read by the vault any more, and that is written down [guard: vault-delete-wraps]', async () => {
      const prompt = await unsealed();
      must(204, await author().delete(`/api/v1/prompts/${prompt.id}`));
      expect(await wrapsOf(prompt)).toEqual([]);
      expect(await acts('wrap.delete')).toContainEqual({ prompt: prompt.id as PromptId, items: 1 });
    });
  });

  async function acts(act: string): Promise<unknown[]> {
    const { rows } = await sql<{ leaf: string }>`
      select convert_from(leaf, 'UTF8') as leaf from vault.audit_outbox`.execute(vault.database.db);
    return rows
      .map(({ leaf }) => JSON.parse(leaf) as { act: string; obj: unknown })
      .filter((one) => one.act === act)
      .map(({ obj }) => obj);
  }
});

async function digest(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64url');
}
function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
/** Bytes that a row shows in hexadecimal, as text. */
function decoded(row: string): string[] {
  return Array.from(row.matchAll(/\\\\x([0-9a-f]+)/g), ([, bytes = '']) => Buffer.from(bytes, 'hex').toString('utf8'));
}
