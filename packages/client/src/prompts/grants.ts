import type { Prompt, UnfitGrant } from '@bulla/contract';
import type { CustodyTrust, Trust } from '@bulla/crypto';
import { fingerprint } from '@bulla/crypto';
import { BullaError } from '../connection/errors.js';
import type { LabelTarget } from '../labels/label-moves.js';
import type { PromptRef } from '../labels/labels.js';
import { LATEST, resolveIfGood, resolveLabel } from '../labels/labels.js';
import type { CustodyChange } from './custody-change.js';
import { custodyChange } from './custody-change.js';
import { grantsOf } from './grants-of.js';
import { grantMissing, missingRecipients } from './missing-grants.js';
import type { OpenedVersion } from './open-version.js';
import { openVersion } from './open-version.js';
import { clearUnfit, unfitGrants } from './unfit-grants.js';
import type { Prompts } from './prompts.js';
import { isUnreadable } from '../labels/proposed-move.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import { contentOf } from '../trust/trust-store.js';

/** Which versions of a prompt are meant: one, the newest, those that labels name, or every one. */
export type VersionsToSeal = number | 'newest' | 'labelled' | 'all';

/** Why a version is passed over that cannot be opened, by what opening it came to. */
const PASSED_OVER: Readonly<Record<string, 'earlier' | 'unsealed'>> = {
  content_uncommitted: 'earlier',
  grant_unfit: 'unsealed',
};

/** A version after a reseal. */
export interface ResealedVersion {
  readonly version: number;
  /**
   * `unsealed`: this device holds no grant of it, so it can give none. `void`: its author may write this name no more, or
   * the vault has lost it, so nobody can use it. `earlier`: it was sealed before contents committed to their key, so nobody
   * is given a grant of it any more: pushed again it is a new version.
   */
  readonly state: 'sealed' | 'unsealed' | 'void' | 'earlier';
  /** URNs of those that it was not sealed to before, and is now. */
  readonly recipients: readonly string[];
  /**
   * URNs of those who lack a grant that gives its key, and whom this person cannot give one: they took one of this person's
   * back as unfit. Left out where there is none.
   */
  readonly barred?: readonly string[];
}

/** A version that somebody who may have it cannot open: with the key of now they hold no grant. */
export interface LackingVersion {
  readonly version: number;
  readonly keys: readonly { readonly urn: string; readonly fingerprint: string }[];
}

/** What of a prompt a device is not handed any more. */
export interface Unshared {
  /** Numbers of versions, the oldest first. */
  readonly versions: readonly number[];
  /** Whether its groups may read the name: then it gets the next version, and a reseal gives these back. */
  readonly mayRead: boolean;
}

/** Who can open versions that were pushed before: people come in later, and services get new keys. */
export class Grants {
  readonly #session: Session;
  readonly #prompts: Prompts;

  constructor(session: Session, prompts: Prompts) {
    this.#session = session;
    this.#prompts = prompts;
  }

  /**
   * Seals versions to those of their rights whose keys came later. The rights are the author's own, as signed in each
   * version; the content stays as it is, and no label moves.
   * @throws {BullaError} not_found; label_not_found, trust_expired, … where `latest` does not say which prompt this is
   */
  async reseal(name: string, which: VersionsToSeal): Promise<ResealedVersion[]> {
    const trust = await this.#session.keeper.newest();
    const prompt = await this.#prompts.get(name);
    // By its signed label, not by the vault: which prompt the name stands for, and what its newest version says.
    const latest = await resolveLabel(this.#session, trust, prompt, LATEST);
    const done: ResealedVersion[] = [];
    for (const version of versionsOf(prompt, latest, which)) {
      const opened = await this.#openOrSay(trust, prompt, latest, version, typeof which === 'number');
      if (typeof opened === 'string') done.push({ version, state: opened, recipients: [] });
      else {
        const { recipients, barred } = await grantMissing(this.#session, trust, prompt, opened);
        done.push({ version, state: 'sealed', recipients, ...(barred.length > 0 && { barred }) });
      }
    }
    return done;
  }

  /**
   * Has the vault forget the grants by which a device reads a prompt, by its own list of them. What was read stays read.
   * @param version that alone, unless not given.
   * @throws {BullaError} not_found; forbidden to whom it is neither theirs nor of their versions, unless they are an admin
   */
  async unshare(name: string, device: string, version?: number): Promise<Unshared> {
    const trust = await this.#session.keeper.newest();
    const { id } = await this.#prompts.get(name);
    const service = vaultOf(this.#session, trust);
    const listed = await grantsOf(this.#session, trust, { id, ...(version !== undefined && { version }) });
    const held = listed.filter(({ aud }) => aud === device);
    for (const { whash } of held)
      await this.#session.transport.call('grant.delete', service, trust, { params: { id, whash } });
    const reviewers = trust.reviewers(name);
    const versions = [...new Set(held.map((one) => one.version))].toSorted((left, right) => left - right);
    return { versions, mayRead: trust.groupsOf(device).some((group) => reviewers.includes(group)) };
  }

  /**
   * Versions that labels of a prompt name and that lack a grant for somebody who may have them. Those that this device
   * cannot open are left out: their rights are sealed, too. None where `latest` does not count now.
   * @throws {BullaError} forbidden to whom the vault does not show grants
   */
  async lacking(name: string): Promise<LackingVersion[]> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.#prompts.get(name);
    const latest = await resolveIfGood(this.#session, trust, prompt, LATEST);
    if (latest === undefined) return [];
    const found: LackingVersion[] = [];
    for (const version of versionsOf(prompt, latest, 'labelled')) {
      const opened = await this.#openOrSay(trust, prompt, latest, version, false);
      if (typeof opened === 'string') continue;
      const missing = await missingRecipients(this.#session, trust, prompt, opened);
      if (missing.length === 0) continue;
      const keys = missing.map(({ urn, record }) => ({ urn, fingerprint: fingerprint(record.kid) }));
      found.push({ version, keys });
    }
    return found;
  }

  /** Versions that labels of a prompt name and that were sealed before contents committed to their key: nobody runs them. */
  async uncommitted(name: string): Promise<number[]> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.#prompts.get(name);
    const latest = await resolveIfGood(this.#session, trust, prompt, LATEST);
    const found: number[] = [];
    for (const version of latest === undefined ? [] : versionsOf(prompt, latest, 'labelled'))
      if ((await this.#openOrSay(trust, prompt, latest ?? { version, chash: '' }, version, false)) === 'earlier')
        found.push(version);
    return found;
  }

  /**
   * Grants that their recipients took back since they did not give the key of their content, by the vault's list.
   * @throws {BullaError} forbidden to whom the vault does not show grants
   */
  async unfit(): Promise<UnfitGrant[]> {
    return unfitGrants(this.#session, await this.#session.keeper.current());
  }

  /**
   * Lets one who posted an unfit grant give that key that version again: by the hash of the grant and who that is, since
   * several may have posted the same.
   * @throws {BullaError} forbidden but for an admin
   */
  async clearUnfit(one: Pick<UnfitGrant, 'whash' | 'by'>): Promise<void> {
    return clearUnfit(this.#session, await this.#session.keeper.current(), one);
  }

  /** What another policy would do to the custody of names that have versions. */
  async custodyChange(policy: CustodyTrust['policy']): Promise<CustodyChange> {
    return custodyChange(this.#session, await this.#session.keeper.current(), policy);
  }

  /**
   * A version opened, or why it cannot be.
   * @param isNamed whether somebody asked for this one: then what is wrong with it is thrown
   */
  async #openOrSay(
    trust: Trust,
    prompt: PromptRef,
    latest: LabelTarget,
    version: number,
    isNamed: boolean,
  ): Promise<OpenedVersion | Exclude<ResealedVersion['state'], 'sealed'>> {
    const seen = await this.#session.labels.seen(prompt.name);
    const chash = version === latest.version ? latest.chash : contentOf(seen, version);
    try {
      return (await openVersion(this.#session, trust, prompt, { version, chash })) ?? 'unsealed';
    } catch (error) {
      if (isNamed || !isUnreadable(error)) throw error;
      return (error instanceof BullaError && PASSED_OVER[error.code]) || 'void';
    }
  }
}

/**
 * Numbers of versions, the oldest first. How many there are, `latest` says, which is signed: a vault that names another
 * number sends nobody through versions that do not exist. Where other labels stand is its word, and only chooses.
 */
function versionsOf({ labels }: Prompt, { version: newest }: LabelTarget, which: VersionsToSeal): number[] {
  if (typeof which === 'number') return [which];
  if (which === 'newest') return [newest];
  if (which === 'all') return Array.from({ length: newest }, (_, index) => index + 1);
  const named = labels.map(({ version }) => version).filter((version) => version > 0);
  return [...new Set(named)].toSorted((left, right) => left - right);
}
