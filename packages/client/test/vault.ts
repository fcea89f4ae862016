import type { NewVersion, Prompt, PromptType } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { EnvelopeClaims, Signer, Trust, TrustDocuments } from '@bulla/crypto';
import { mintId, parseDirectory, parseGrant, readDirectoryHead, signEnvelope, tokenHash } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { HeldApprovals } from './held-approvals.js';
import { HeldChats } from './held-chats.js';
import type { Position } from './held-positions.js';
import { HeldPositions } from './held-positions.js';
import { page } from './page.js';
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
  readonly approvals = new HeldApprovals();
  readonly positions = new HeldPositions(this.approvals, {
    trust: () => this.trust,
    now: (params) => this.#prompt(params),
    ever: (params) => this.prompts.get(params['id'] ?? ''),
  });
  /** Positions of a label by `name label`, oldest first. */
  readonly labels = this.positions.all;
  /** The documents it serves; the organisation's own unless replaced. */
  documents: () => TrustDocuments;
  /** What renewers say of the directory that it serves. */
  freshWords: string[] = [];
  /** Hashes of the directories from a version on; the organisation's own unless replaced. */
  hashes: (from: number) => readonly string[];
  readonly chats = new HeldChats({
    urn: () => this.#organisation.vault.urn,
    now: () => this.#now(),
    documents: () => this.documents(),
    signer: () => this.envelopeSigner,
  });
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
    return this.positions.newest(name, label);
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
      'directory.get': ({ headers }) => {
        const { directory } = this.documents();
        const known = headers['if-none-match'];
        if (known !== undefined && known === `"${readDirectoryHead(directory).version}"`) return { status: 304 };
        return document(directory);
      },
      'directory.hashes': ({ query }) => ({ body: { v: 1, hashes: this.hashes(Number(query.get('from'))) } }),
      'directory.freshness': () => ({ body: { v: 1, fresh: this.freshWords } }),
      'directory.freshen': ({ body }) => {
        this.freshWords = [(body as { fresh: string }).fresh];
        return { body: { version: this.trust.directory.version } };
      },
      'prompt.create': ({ body }) => {
        const { id, name, type } = body as Stored;
        return { body: this.#view(this.#make({ id, name, type, versions: [], deleted: false })) };
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
        const { content, grants, tags = [], prompt: made } = body as NewVersion;
        if (made !== undefined) this.#make({ id: params['id'] ?? '', ...made, versions: [], deleted: false });
        const prompt = this.#prompt(params);
        if (headers['if-match'] !== `"${prompt.versions.length}"`) throw new Problem('version_conflict');
        try {
          for (const token of tags) this.positions.requireNext(prompt.name, token);
        } catch (error) {
          if (made !== undefined) this.prompts.delete(prompt.id);
          throw error;
        }
        const version = {
          version: prompt.versions.length + 1,
          chash: await tokenHash(content),
          content,
          grants,
          author: { urn, kid },
        };
        prompt.versions.push(version);
        const labels = tags.map((token) => this.positions.move(prompt.id, [token]).body);
        return { body: { version: version.version, chash: version.chash, labels } };
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
        const { versions } = this.#prompt(params);
        for (const token of grants) versions[parseGrant(token).header.ver - 1]?.grants.push(token);
        return { body: { added: grants.length } };
      },
      'grant.unfit': ({ query }) => ({ body: page([], query) }),
      ...this.positions.handlers(),
      'approval.list': ({ query }) => {
        const all = [...this.approvals.all.values()].filter(({ state }) => state === query.get('state'));
        return { body: page(all.toReversed(), query) };
      },
      'approval.get': ({ params }) => ({ body: this.approvals.get(params['id']) }),
      'approval.give': ({ params, body }) => {
        const { tag } = body as { tag: string };
        return this.positions.move(this.approvals.get(params['id']).prompt, [tag]);
      },
      'approval.drop': ({ params }) => {
        this.approvals.get(params['id']).state = 'dropped';
        return {};
      },
      'envelope.issue': (incoming) => this.issue(incoming),
    };
  }

  #make(prompt: Stored): Stored {
    if ([...this.prompts.values()].some(({ name, deleted }) => name === prompt.name && !deleted))
      throw new Problem('name_taken');
    this.prompts.set(prompt.id, prompt);
    return prompt;
  }

  /** An envelope with its bundle. */
  async issue({ body, headers, urn, kid }: Incoming): Promise<{ body: unknown }> {
    if ((body as { purpose?: string }).purpose === 'chat.invoke') {
      const bundle = await this.chats.issue(body, { req: headers['idempotency-key'] ?? '', urn, kid });
      return { body: { ...bundle, ...this.swap(bundle) } };
    }
    const wanted = body as IssueBody;
    const prompt = this.named(wanted.name);
    const position = this.position(wanted.name, wanted.label ?? 'latest');
    if (position === undefined || position.version === 0) throw new Problem('label_not_found');
    const version = prompt.versions[(wanted.version ?? position.version) - 1];
    if (version === undefined) throw new Problem('not_found');
    const grant = version.grants.find((token) => parseGrant(token).header.aud === wanted.aud);
    if (grant === undefined) throw new Problem('needs_rewrap');
    const iat = this.#now();
    const { payload: directory, hash } = await parseDirectory(this.documents().directory);
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
      dir: { ver: directory.version, hash },
      pol: { uses: 1, stream: true },
    };
    const env = await signEnvelope({ ...claims, ...this.forge(claims) }, this.envelopeSigner);
    const words = this.positions.wordsOf(position);
    const fresh = words.length > 0 ? { fresh: words } : {};
    const bundle = { v: 1, env, grant, content: version.content, tags: position.tags, ...fresh };
    return { body: { ...bundle, ...this.swap(bundle) } };
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

  #view({ id, name, type, versions }: Stored): Prompt {
    const labels = this.positions.borneBy(name).map(([label, { version, seq }]) => ({ label, version, seq }));
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
