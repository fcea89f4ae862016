import type { Approval, Prompt, PromptType } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { EnvelopeClaims, Signer, Trust, TrustDocuments } from '@bulla/crypto';
import { mintId, parseGrant, parseTag, signEnvelope, tokenHash } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { HeldApprovals } from './held-approvals.js';
import type { Handlers, Incoming } from './signed-service.js';
import { SignedService } from './signed-service.js';

interface Version {
  readonly version: number;
  readonly chash: string;
  readonly content: string;
  readonly grants: string[];
  readonly author: { readonly urn: string; readonly kid: string };
}

interface Stored {
  readonly id: string;
  readonly name: string;
  readonly type: PromptType;
  readonly versions: Version[];
  deleted: boolean;
}

interface Position {
  readonly prompt: string;
  readonly version: number;
  readonly seq: number;
  readonly tags: readonly string[];
}

interface IssueBody {
  readonly name: string;
  readonly version?: number;
  readonly label?: string;
  readonly aud: string;
}

const TIME = '2026-11-25T00:00:00.000Z';

/** A vault in memory, honest until it is told otherwise. Whatever it does not check, clients must. */
export class TestVault {
  readonly service: SignedService;
  readonly prompts = new Map<string, Stored>();
  /** Positions of a label by `name label`, oldest first. */
  readonly labels = new Map<string, Position[]>();
  readonly approvals = new HeldApprovals();
  /** The documents it serves; the organisation's own unless replaced. */
  documents: () => TrustDocuments;
  /** Hashes of the directories from a version on; the organisation's own unless replaced. */
  hashes: (from: number) => readonly string[];
  /** Changes envelopes before they are signed. */
  forge: (claims: EnvelopeClaims) => Partial<EnvelopeClaims> = () => ({});
  /** Changes bundles before they are sent. */
  swap: (bundle: Record<string, unknown>) => Record<string, unknown> = () => ({});
  envelopeSigner: Signer;
  readonly #organisation: TestOrganisation;
  readonly #now: () => number;

  constructor(organisation: TestOrganisation, now: () => number) {
    this.#organisation = organisation;
    this.#now = now;
    this.documents = () => organisation.documents;
    this.hashes = (from) => organisation.hashes.hashes.slice(from - 1);
    this.envelopeSigner = organisation.vault.signer;
    this.service = new SignedService({
      handlers: this.#handlers(),
      trust: () => organisation.trust,
      member: organisation.vault,
      now,
    });
  }

  get trust(): Trust {
    return this.#organisation.trust;
  }

  /** The newest positions of a prompt's name. */
  position(name: string, label: string): Position | undefined {
    return this.labels.get(`${name} ${label}`)?.at(-1);
  }

  named(name: string): Stored {
    const found = [...this.prompts.values()].find((prompt) => prompt.name === name && !prompt.deleted);
    if (found === undefined) throw new Problem('not_found');
    return found;
  }

  #handlers(): Handlers {
    const document = (text: string | undefined) => {
      if (text === undefined) throw new Problem('not_found');
      return { text };
    };
    return {
      'root.get': ({ params }) => document(this.documents().roots[Number(params['n']) - 1]),
      'policy.get': () => document(this.documents().policy),
      'directory.get': () => document(this.documents().directory),
      'directory.hashes': ({ query }) => ({ body: { v: 1, hashes: this.hashes(Number(query.get('from'))) } }),
      'prompt.create': ({ body }) => {
        const { id, name, type } = body as Stored;
        if ([...this.prompts.values()].some((prompt) => prompt.name === name && !prompt.deleted))
          throw new Problem('name_taken');
        const prompt: Stored = { id, name, type, versions: [], deleted: false };
        this.prompts.set(id, prompt);
        return { body: this.#view(prompt) };
      },
      'prompt.find': ({ query }) => ({ body: this.#view(this.named(query.get('name') ?? '')) }),
      'prompt.list': ({ query }) => {
        const all = [...this.prompts.values()].filter(
          ({ name, deleted }) => !deleted && name.startsWith(query.get('prefix') ?? ''),
        );
        return {
          body: page(
            all.map((prompt) => this.#view(prompt)),
            query,
          ),
        };
      },
      'prompt.delete': ({ params }) => {
        this.#prompt(params).deleted = true;
        return {};
      },
      'version.create': async ({ params, body, headers, urn, kid }) => {
        const prompt = this.#prompt(params);
        if (headers['if-match'] !== `"${prompt.versions.length}"`) throw new Problem('version_conflict');
        const { content, grants } = body as { content: string; grants: string[] };
        const version = {
          version: prompt.versions.length + 1,
          chash: await tokenHash(content),
          content,
          grants,
          author: { urn, kid },
        };
        prompt.versions.push(version);
        return { body: { version: version.version, chash: version.chash } };
      },
      'version.list': ({ params, query }) => {
        const versions = this.#prompt(params).versions.map(({ version, chash, author }) => ({
          version,
          chash,
          author,
          created_at: TIME,
        }));
        return { body: page(versions.toReversed(), query) };
      },
      'version.get': ({ params, urn }) => {
        const { version, chash, content, author, grants } = this.#version(params);
        const grant = grants.find((token) => parseGrant(token).header.aud === urn) ?? null;
        return { body: { version, chash, content, author, created_at: TIME, grant } };
      },
      'grant.list': ({ params, query }) => {
        const { versions } = this.#prompt(params);
        const grants = versions.flatMap(({ version, grants: tokens }) =>
          tokens.map((token) => ({ version, whash: 'A'.repeat(43), ...parseGrant(token).header })),
        );
        const data = grants
          .filter(({ version }) => !query.has('version') || String(version) === query.get('version'))
          .map(({ version, whash, kid, aud }) => ({ version, whash, kid, aud }));
        return { body: page(data, query) };
      },
      'grant.add': ({ params, body }) => {
        const { grants } = body as { grants: string[] };
        this.#prompt(params)
          .versions.at(-1)
          ?.grants.push(...grants);
        return { body: { added: grants.length } };
      },
      'label.get': ({ params }) => {
        const label = params['label'] ?? '';
        const position = this.position(this.#prompt(params).name, label);
        if (position === undefined) throw new Problem('label_not_found');
        return { body: { label, version: position.version, seq: position.seq, tags: position.tags } };
      },
      'label.list': ({ params }) => {
        const { name } = this.#prompt(params);
        const data = this.#labelsOf(name).map(([label, { version, seq, tags }]) => ({ label, version, seq, tags }));
        return { body: { data } };
      },
      'label.move': ({ params, body, headers }) => {
        const { id, name } = this.#prompt(params);
        const { tags } = body as { tags: [string] };
        const { seq, tag: label } = parseTag(tags[0]).claims;
        const newest = this.position(name, label)?.seq ?? 0;
        if (headers['if-match'] !== `"${newest}"` || seq !== newest + 1) throw new Problem('label_stale');
        return this.#move(id, tags);
      },
      'label.confirm': ({ params, body }) => {
        const label = params['label'] ?? '';
        const { name } = this.#prompt(params);
        const { tag } = body as { tag: string };
        const positions = this.labels.get(`${name} ${label}`) ?? [];
        const newest = positions.at(-1);
        if (newest === undefined || parseTag(tag).claims.seq !== newest.seq) throw new Problem('label_stale');
        const { iss } = parseTag(tag).claims;
        const others = newest.tags.filter((token) => parseTag(token).claims.iss !== iss);
        const confirmed = { ...newest, tags: [...others, tag] };
        this.labels.set(`${name} ${label}`, [...positions.slice(0, -1), confirmed]);
        return { body: { label, version: newest.version, seq: newest.seq, tags: confirmed.tags } };
      },
      'label.chain': ({ params, query }) => {
        const { name = '' } = this.prompts.get(params['id'] ?? '') ?? {};
        const positions = this.labels.get(`${name} ${params['label']}`) ?? [];
        const after = positions.filter(({ seq }) => seq > Number(query.get('from') ?? 0));
        const moves = after.map(({ tags: [token = ''] }) => parseTag(token).claims);
        return {
          body: page(
            moves.map(({ sub, ver, chash, prev }) => ({ sub, ver, chash, prev })),
            query,
          ),
        };
      },
      'label.history': ({ params, query }) => {
        const label = params['label'] ?? '';
        const positions = this.labels.get(`${this.#prompt(params).name} ${label}`) ?? [];
        const shown = positions.map(({ version, seq, tags }) => ({ label, version, seq, tags }));
        return { body: page(shown.toReversed(), query) };
      },
      'approval.list': ({ query }) => {
        const all = [...this.approvals.all.values()].filter(({ state }) => state === query.get('state'));
        return { body: page(all.toReversed(), query) };
      },
      'approval.get': ({ params }) => ({ body: this.approvals.get(params['id']) }),
      'approval.give': ({ params, body }) => {
        const { tag } = body as { tag: string };
        return this.#move(this.approvals.get(params['id']).prompt, [tag]);
      },
      'approval.drop': ({ params }) => {
        this.approvals.get(params['id']).state = 'dropped';
        return {};
      },
      'envelope.issue': (incoming) => this.issue(incoming),
    };
  }

  /** An envelope with its bundle. */
  async issue({ body, headers, urn, kid }: Incoming): Promise<{ body: unknown }> {
    const wanted = body as IssueBody;
    const prompt = this.named(wanted.name);
    const position = this.position(wanted.name, wanted.label ?? 'latest');
    if (position === undefined || position.version === 0) throw new Problem('label_not_found');
    const version = prompt.versions[(wanted.version ?? position.version) - 1];
    if (version === undefined) throw new Problem('not_found');
    const grant = version.grants.find((token) => parseGrant(token).header.aud === wanted.aud);
    if (grant === undefined) throw new Problem('needs_rewrap');
    const iat = this.#now();
    const claims: EnvelopeClaims = {
      iss: this.#organisation.vault.urn,
      aud: wanted.aud,
      sub: urn,
      iat,
      nbf: iat,
      exp: iat + 120,
      jti: mintId('env'),
      purpose: 'prompt.invoke',
      req: headers['idempotency-key'] ?? '',
      prm: { id: prompt.id, name: prompt.name, ver: version.version, chash: version.chash },
      whash: await tokenHash(grant),
      cnf: { jkt: kid },
      pol: { uses: 1, stream: true },
    };
    const env = await signEnvelope({ ...claims, ...this.forge(claims) }, this.envelopeSigner);
    const bundle = { v: 1, env, grant, content: version.content, tags: position.tags };
    return { body: { ...bundle, ...this.swap(bundle) } };
  }

  /** Tags move a label, or wait with those that are there until they are enough. */
  #move(prompt: string, tags: readonly string[]): { status?: number; body: unknown } {
    const [token = ''] = tags;
    const { name, ver: version, chash, seq, tag: label } = parseTag(token).claims;
    const isSame = (one: Approval) =>
      one.state === 'open' && one.name === name && one.label === label && one.seq === seq && one.chash === chash;
    const waiting = [...this.approvals.all.values()].filter(isSame).flatMap(({ tags: given }) => given);
    const approval = this.approvals.gather(prompt, tags, this.trust);
    if (approval !== undefined) {
      const { id, needed } = approval;
      return { status: 202, body: { approval: id, label, seq, version, given: approval.tags.length, needed } };
    }
    const positions = this.labels.get(`${name} ${label}`) ?? [];
    this.labels.set(`${name} ${label}`, [...positions, { prompt, version, seq, tags: [...waiting, ...tags] }]);
    return { body: { label, seq, version } };
  }

  #prompt(params: Incoming['params']): Stored {
    const prompt = this.prompts.get(params['id'] ?? '');
    if (prompt === undefined || prompt.deleted) throw new Problem('not_found');
    return prompt;
  }

  #version(params: Incoming['params']): Version {
    const version = this.#prompt(params).versions[Number(params['n']) - 1];
    if (version === undefined) throw new Problem('not_found');
    return version;
  }

  #labelsOf(name: string): [string, Position][] {
    return [...this.labels].flatMap(([key, positions]): [string, Position][] => {
      const [of, label = ''] = key.split(' ');
      const newest = positions.at(-1);
      return of === name && newest !== undefined && newest.version > 0 ? [[label, newest]] : [];
    });
  }

  #view({ id, name, type, versions }: Stored): Prompt {
    const labels = this.#labelsOf(name).map(([label, { version, seq }]) => ({ label, version, seq }));
    return {
      id,
      name,
      type,
      latest_version: versions.length,
      labels,
      created_at: TIME,
      updated_at: TIME,
      deleted_at: null,
    };
  }
}

/** Two items a page, so that paging is used. */
function page<Item>(items: readonly Item[], query: URLSearchParams): { data: Item[]; next_cursor: string | null } {
  const from = Number(query.get('cursor') ?? 0);
  const next = from + 2;
  return { data: items.slice(from, next), next_cursor: next < items.length ? String(next) : null };
}
