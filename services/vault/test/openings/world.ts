import type { DirectoryDocument, KeyPair, Recipient, SealAlg, Unwrapper } from '@bulla/crypto';
import { generateKeyPair, parseContent, parseGrant, randomBytes, sealGrant, Secret } from '@bulla/crypto';
import { loadUnwrapper, openContent, openGrant } from '@bulla/crypto/open';
import type { SealedVersion } from '../authoring.js';
import { basedOn, bodyOf, recipientOf, tokenHash, urnOf } from '../authoring.js';
import type { PromptRef } from '../authoring.js';
import type { TestMember, TestVault } from '../running-vault.js';
import type { Who } from './model.js';
import { EVERYBODY } from './model.js';

/** A version as its author made it, and where its grants are. */
export interface PushedVersion {
  readonly prompt: PromptRef;
  readonly number: number;
  readonly sealed: SealedVersion;
}

/** Somebody in a walk, with every key that they ever had. */
interface Member extends TestMember {
  readonly unwrappers: Unwrapper[];
}

const DAY_SECONDS = 86_400;

/** A real vault, and the people of one walk with their private keys. */
export class World {
  readonly vault: TestVault;
  readonly prompts: PromptRef[] = [];
  readonly versions: PushedVersion[][] = [];
  /** What happened, and how often. */
  readonly counts: Map<string, number>;
  readonly #members: ReadonlyMap<Who, Member>;

  private constructor(vault: TestVault, members: ReadonlyMap<Who, Member>, counts: Map<string, number>) {
    this.vault = vault;
    this.counts = counts;
    this.#members = members;
  }

  /** People who nobody met before, listed beside those who stay. */
  static async start(vault: TestVault, walk: string, counts: Map<string, number>): Promise<World> {
    const { acme } = vault;
    const make = (who: Who, roles: readonly ('author' | 'invoker' | 'auditor')[], groups: readonly string[]) =>
      acme.makeDevice(`${walk} ${who}`, { roles: [...roles], groups: [...groups] });
    const ann = await make('ann', ['author'], ['grp:authors']);
    const other = await make('desk', ['invoker'], ['grp:support']);
    const { user } = ann.entity as { user: string };
    const desk = { ...other, entity: { ...other.entity, user } as TestMember['entity'] };
    const far = await acme.makeResponder(walk);
    const named: [Who, TestMember][] = [
      ['owner', acme.owner],
      ['ann', ann],
      ['desk', desk],
      ['ben', await make('ben', ['invoker'], ['grp:support'])],
      ['cat', await make('cat', ['auditor'], [])],
      ['eva', await make('eva', ['author'], [])],
      ['eu1', acme.responders[0]],
      ['eu2', acme.responders[1]],
      ['far', far],
    ];
    const members = new Map<Who, Member>();
    for (const [who, member] of named) members.set(who, { ...member, unwrappers: [await member.unwrapper()] });
    const world = new World(vault, members, counts);
    const added = [ann, desk, far, ...(['ben', 'cat', 'eva'] as const).map((who) => world.member(who))];
    await world.publish((draft) => {
      for (const { urn, entity } of added) draft.entities[urn] = entity;
    });
    return world;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  member(who: Who): Member {
    const member = this.#members.get(who);
    if (member === undefined) throw new Error(`nobody is called ${who}`);
    return member;
  }

  client(who: Who) {
    return this.vault.clientOf(this.member(who));
  }

  /** The first key that things are sealed to, of everybody. */
  firstKeys(): ReadonlyMap<Who, string> {
    return new Map(EVERYBODY.map((who) => [who, this.member(who).enc?.kid ?? '']));
  }

  /** Whom something is sealed to now. */
  recipient(who: Who): Recipient {
    const { urn } = this.member(who);
    const [newest] = this.vault.acme.trust.activeKeys(urn, 'unwrap', this.vault.acme.now);
    return newest ?? recipientOf(this.member(who));
  }

  /** Somebody as an author has to see them: with the key that things are sealed to now. */
  current(who: Who): TestMember {
    const member = this.member(who);
    const { record } = this.recipient(who);
    return {
      ...member,
      entity: { ...member.entity, keys: [record] },
      enc: { ...member.enc, kid: record.kid } as KeyPair,
    };
  }

  /** Brings the next directory as the owner; the organisation goes on from it where the vault took it. */
  async publish(change: (draft: DirectoryDocument) => void): Promise<boolean> {
    const { acme } = this.vault;
    const directory = await acme.signDirectory(change);
    const based = basedOn(acme.trust.directory.version);
    const { status, text } = await this.client('owner').put(
      '/api/v1/organisations/acme/directory',
      { directory },
      based,
    );
    if (status === 200) await acme.publish(change);
    else if (status !== 409) throw new Error(`the directory was refused: ${status} ${text}`);
    return status === 200;
  }

  /** Lists a new encryption key beside those that somebody has. */
  async renew(who: Who): Promise<string> {
    const pair: KeyPair = await generateKeyPair('p256', 'enc');
    const { kid, alg, suite, publicJwk: jwk } = pair;
    const { now, trust } = this.vault.acme;
    const { urn, unwrappers } = this.member(who);
    // The younger one is the one that starts later.
    const start = Math.max(...(trust.entity(urn)?.keys ?? []).map(({ nbf }) => nbf)) + 1;
    const times = { nbf: start, use_until: now + 90 * DAY_SECONDS, end: now + 120 * DAY_SECONDS };
    await this.publish((draft) => {
      draft.entities[urn]?.keys.unshift({ kid, use: 'enc', alg, suite, pur: ['unwrap'], ...times, jwk });
    });
    unwrappers.unshift(await loadUnwrapper(pair.privateJwk, alg as SealAlg));
    return kid;
  }

  /** A grant of a version by somebody who has its key, or by somebody who has not and makes one up. */
  async grant({ prompt, number, sealed }: PushedVersion, who: Who, isGenuine: boolean): Promise<string> {
    const to = this.recipient(who);
    if (isGenuine) return sealed.grantTo(to);
    const { header } = parseContent(sealed.content);
    const place = { sub: header.sub, ver: number, dekId: header.kid, chash: sealed.chash, protectUntil: '2029-12-31' };
    return sealGrant(new Secret(randomBytes(32)), { ...place, sub: urnOf('acme', 'prompt', prompt.id) }, to);
  }

  /** The grants that the vault has: those of each version of each prompt, by key. */
  async stored(): Promise<ReadonlyMap<string, string>[][]> {
    const ids = this.prompts.map(({ id }) => id);
    const rows = await this.vault.database.db
      .selectFrom('content_grant')
      .select(['prompt_id', 'version', 'kid', 'token'])
      .where('org', '=', 'acme')
      .where('prompt_id', 'in', ids.length > 0 ? ids : [''])
      .execute();
    return this.versions.map((versions) =>
      versions.map(({ prompt, number }) => {
        const own = rows.filter(({ prompt_id: id, version }) => id === prompt.id && version === number);
        return new Map(own.map(({ kid, token }) => [kid, token]));
      }),
    );
  }

  /** Takes a grant away, if it is there. */
  async unshare(by: Who, version: PushedVersion, kid: string): Promise<boolean> {
    const all = await this.stored();
    const at = this.prompts.indexOf(version.prompt);
    const token = all[at]?.[version.number - 1]?.get(kid) ?? '';
    const path = `/api/v1/prompts/${version.prompt.id}/grants/${await tokenHash(token)}`;
    const { status, text } = await this.client(by).delete(path);
    if (![204, 401, 403].includes(status)) throw new Error(`unsharing ended in ${status} ${text}`);
    return status === 204;
  }

  /** Whether somebody reads a version by what the vault gives them. */
  async reads(who: Who, version: PushedVersion): Promise<boolean> {
    const { prompt, number } = version;
    const answer = await this.client(who).get(`/api/v1/prompts/${prompt.id}/versions/${number}`);
    if (answer.status !== 200) return false;
    const { content, grant } = bodyOf<{ content: string; grant: string | null }>(answer);
    return grant !== null && this.opens(who, version, grant, content);
  }

  /** Whether a responder runs a version by the envelope that the vault gives the owner. */
  async runs(who: Who, version: PushedVersion): Promise<boolean> {
    const { prompt, number } = version;
    const wanted = { prompt: prompt.id, version: number, aud: this.member(who).urn };
    const answer = await this.client('owner').post('/api/v1/envelopes', wanted);
    if (answer.status !== 201) return false;
    const { content, grant } = bodyOf<{ content: string; grant: string }>(answer);
    return this.opens(who, version, grant, content);
  }

  /** Whether a grant and a content, both from the vault, give somebody the text with any key they ever had. */
  async opens(who: Who, { prompt, number, sealed }: PushedVersion, grant: string, content: string): Promise<boolean> {
    const { urn, unwrappers } = this.member(who);
    const [sub, parsed, wrapped] = [urnOf('acme', 'prompt', prompt.id), parseContent(content), parseGrant(grant)];
    const unwrapper = unwrappers.find(({ kid }) => kid === wrapped.header.kid);
    if (unwrapper === undefined) return false;
    const expected = { urn, sub, ver: number, chash: sealed.chash, dekId: parsed.header.kid };
    try {
      const dek = await openGrant(wrapped, unwrapper, expected);
      return (await openContent(parsed, dek, { org: 'acme', sub, ver: number })).length > 0;
    } catch {
      return false;
    }
  }
}
