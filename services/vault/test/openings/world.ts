import type { DirectoryDocument, Recipient } from '@bulla/crypto';
import { custodyOf, parseContent, parseGrant, parsePolicy, sealGrant, Secret } from '@bulla/crypto';
import { openContent, openGrant } from '@bulla/crypto/open';
import { sealUnfit } from '@bulla/crypto/testing';
import { DataKeys } from '../../src/managed/custody/data-keys.js';
import type { PromptRef } from '../authoring.js';
import { basedOn, bodyOf, mintId, tokenHash, urnOf } from '../authoring.js';
import type { TestVault } from '../running-vault.js';
import type { Custody, Who } from './model.js';
import { People } from './people.js';

/** A version, where the vault has it. */
export interface PushedVersion {
  readonly prompt: PromptRef;
  readonly number: number;
  readonly chash: string;
  /** C. */
  readonly content: string;
}

/** What the vault has of a version: grants by their keys, and whether it has the version's key itself. */
export interface Stored {
  readonly grants: ReadonlyMap<string, string>;
  readonly isWrapped: boolean;
}

/** A real vault, and the people of one walk with their private keys. */
export class World {
  readonly vault: TestVault;
  readonly people: People;
  /** Names are there before prompts are: each has a rule of its own in the policy. */
  readonly prompts: readonly PromptRef[];
  readonly versions: PushedVersion[][] = [[], [], []];
  /** What happened, and how often. */
  readonly counts: Map<string, number>;

  private constructor(vault: TestVault, walk: string, people: People, counts: Map<string, number>) {
    this.vault = vault;
    this.people = people;
    this.counts = counts;
    const names = [`${walk}/one/triage`, `open/${walk}/two/triage`, `open/${walk}/three/triage`];
    this.prompts = names.map((name) => ({ id: mintId('prm'), name }));
  }

  /** People who nobody met before, listed beside those who stay. */
  static async start(vault: TestVault, walk: string, counts: Map<string, number>): Promise<World> {
    const people = await People.make(vault.acme, walk);
    const world = new World(vault, walk, people, counts);
    await world.publish(people.listing);
    return world;
  }

  /** Custody of each name as the policy has it now. */
  custody(): Custody[] {
    return this.prompts.map(({ name }) => custodyOf(name, this.vault.acme.trust));
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  client(who: Who) {
    return this.vault.clientOf(this.people.get(who));
  }

  /** Brings the next directory as the owner; the organisation goes on from it where the vault took it. */
  async publish(change: (draft: DirectoryDocument) => void): Promise<boolean> {
    const { acme } = this.vault;
    const directory = await acme.signDirectory(change);
    const isTaken = await this.#bring('directory', directory, acme.trust.directory.version);
    if (isTaken) await acme.publish(change);
    return isTaken;
  }

  /** Brings the next policy, in which a name has another custody, and the directory that names it. */
  async setCustody({ name }: PromptRef, custody: Custody): Promise<boolean> {
    const { acme } = this.vault;
    const { policy, directory } = acme.trust;
    const prefix = name.slice(0, name.lastIndexOf('/') + 1);
    const rules = { ...policy.custody, [prefix]: custody };
    const [version, prev] = [policy.version + 1, directory.policy.hash];
    const signed = await acme.sign('policy', { ...policy, version, prev, custody: rules });
    if (!(await this.#bring('policy', signed, policy.version))) return false;
    await acme.publishPolicy((draft) => {
      draft.issued = policy.issued;
      draft.expires = policy.expires;
      draft.custody = rules;
    });
    if ((await parsePolicy(signed)).hash !== acme.trust.directory.policy.hash)
      throw new Error('two policies were signed');
    return this.#bring('directory', acme.documents.directory, directory.version);
  }

  async #bring(kind: 'policy' | 'directory', token: string, before: number): Promise<boolean> {
    const path = `/api/v1/organisations/acme/${kind}`;
    const { status, text } = await this.client('owner').put(path, { [kind]: token }, basedOn(before));
    if (![200, 403, 409].includes(status)) throw new Error(`the ${kind} was refused: ${status} ${text}`);
    return status === 200;
  }

  /** A grant of a version by somebody who opens their own, or by somebody who cannot and makes one up. */
  async grant(version: PushedVersion, by: Who, to: Recipient, isGenuine: boolean): Promise<string> {
    const { header } = parseContent(version.content);
    const place = {
      sub: header.sub,
      ver: version.number,
      dekId: header.kid,
      chash: version.chash,
      dkc: header.dkc ?? '',
    };
    if (!isGenuine) return sealUnfit(place, to);
    return sealGrant(await this.#key(version, by), { ...place, protectUntil: '2029-12-31' }, to);
  }

  /** The key of a version, by any stored grant of somebody that opens. */
  async #key(version: PushedVersion, who: Who): Promise<Secret> {
    const { grants } = await this.storedOf(version);
    for (const grant of grants.values()) {
      const dek = await this.#unwrapped(who, version, grant).catch(() => undefined);
      if (dek !== undefined && (await this.#isOpened(version, dek))) return dek;
    }
    throw new Error(`${who} has no grant of version ${version.number} that opens`);
  }

  /** What the vault has, of each version of each prompt. */
  async stored(): Promise<Stored[][]> {
    const { db } = this.vault.database;
    const ids = this.prompts.map(({ id }) => id);
    const granted = await db.selectFrom('content_grant').selectAll().where('prompt_id', 'in', ids).execute();
    const wrapped = await db.selectFrom('kek_wrap').selectAll().where('prompt_id', 'in', ids).execute();
    return this.versions.map((versions) =>
      versions.map(({ prompt, number }) => {
        const isOf = (row: { prompt_id: string; version: number }) =>
          row.prompt_id === prompt.id && row.version === number;
        const grants = new Map(granted.filter(isOf).map(({ kid, token }) => [kid, token]));
        return { grants, isWrapped: wrapped.some(isOf) };
      }),
    );
  }

  /** A version was stored. */
  async added(prompt: PromptRef, number: number, chash: string): Promise<void> {
    const { content } = await this.vault.database.db
      .selectFrom('prompt_version')
      .select('content')
      .where('prompt_id', '=', prompt.id)
      .where('version', '=', number)
      .executeTakeFirstOrThrow();
    this.versions[this.prompts.indexOf(prompt)]?.push({ prompt, number, chash, content });
  }

  async storedOf({ prompt, number }: PushedVersion): Promise<Stored> {
    const stored = (await this.stored())[this.prompts.indexOf(prompt)]?.[number - 1];
    if (stored === undefined) throw new Error('there is a version');
    return stored;
  }

  /** Takes a grant away, if it is there. */
  async unshare(by: Who, version: PushedVersion, kid: string): Promise<boolean> {
    const token = (await this.storedOf(version)).grants.get(kid) ?? '';
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
    return grant !== null && this.#opens(who, { ...version, content }, grant);
  }

  /** Whether a responder opens a version by the envelope that the vault gives the owner. */
  async runs(who: Who, version: PushedVersion): Promise<boolean> {
    const { prompt, number } = version;
    const wanted = { prompt: prompt.id, version: number, aud: this.people.get(who).urn };
    const answer = await this.client('owner').post('/api/v1/envelopes', wanted);
    if (answer.status !== 201) return false;
    const { content, grant } = bodyOf<{ content: string; grant: string }>(answer);
    return this.#opens(who, { ...version, content }, grant);
  }

  /** Whether the vault opens a version by itself, as who has its database and its root key does. */
  async isOpenToVault(version: PushedVersion): Promise<boolean> {
    const { prompt, number, chash, content } = version;
    const { db } = this.vault.database;
    const row = await db
      .selectFrom('kek_wrap')
      .selectAll()
      .where('prompt_id', '=', prompt.id)
      .where('version', '=', number)
      .executeTakeFirst();
    if (row === undefined) return false;
    const { sub, kid: dek, dkc } = parseContent(content).header;
    const keys = this.vault.service.app.get(DataKeys, { strict: false });
    const wrap = { kekVersion: row.kek_version, wrap: row.wrap };
    const key = await keys.unwrap(wrap, { org: 'acme', sub, ver: number, dek, chash, dkc });
    return this.#isOpened(version, new Secret(Uint8Array.from(key)));
  }

  /** Whether a grant, which may be the vault's, gives somebody the text by any key that they ever had. */
  async #opens(who: Who, version: PushedVersion, grant: string): Promise<boolean> {
    const dek = await this.#unwrapped(who, version, grant).catch(() => undefined);
    return dek !== undefined && this.#isOpened(version, dek);
  }

  async #unwrapped(who: Who, { prompt, number, chash, content }: PushedVersion, grant: string): Promise<Secret> {
    const parsed = parseGrant(grant);
    const { urn, unwrappers } = this.people.get(who);
    const unwrapper = unwrappers.find(({ kid }) => kid === parsed.header.kid);
    if (unwrapper === undefined) throw new Error(`this is not to ${who}`);
    const sub = urnOf('acme', 'prompt', prompt.id);
    const { kid: dekId, dkc = '' } = parseContent(content).header;
    return openGrant(parsed, unwrapper, { urn, sub, ver: number, chash, dekId, dkc });
  }

  async #isOpened({ prompt, number, content }: PushedVersion, dek: Secret): Promise<boolean> {
    const place = { org: 'acme', sub: urnOf('acme', 'prompt', prompt.id), ver: number };
    return openContent(parseContent(content), dek, place).then(
      (statement) => statement.length > 0,
      () => false,
    );
  }
}
