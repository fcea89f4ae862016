import type { Recipient, Trust } from '@bulla/crypto';
import { CryptoError, parseGrant, readContentHeader, requireCommitment, sealGrant, suite } from '@bulla/crypto';
import { openGrant, UnfitGrant } from '@bulla/crypto/open';
import { Injectable } from '@nestjs/common';
import { Unwrappers } from './unwrappers.js';

/** A grant of an older key, with what the vault says it is for. */
export interface FoundGrant {
  /** W. */
  readonly grant: string;
  /** The protected header of C, in base64url. */
  readonly header: string;
  /** `kid` of the older key that was asked for. */
  readonly kid: string;
  /** URN of the prompt, and the version. */
  readonly sub: string;
  readonly version: number;
}

/** The key that a responder's grants go to, and the older ones that they come from. */
export interface KeyMove {
  /** The newest active one of the directory whose private half is here. */
  readonly newest: Recipient;
  /** `kid` of those before it. */
  readonly older: readonly string[];
}

/** Where a suite says nothing, what is sealed to it may be protected for ever. */
const FOR_EVER = '9999-12-31';

/** Seals content keys that came under one key of this responder to another of its own. They never leave this room. */
@Injectable()
export class GrantMover {
  constructor(private readonly unwrappers: Unwrappers) {}

  /**
   * From which keys to which grants move now.
   * @param urn of this responder
   * @param now seconds
   * @returns undefined where there is nothing to move
   */
  keys(trust: Trust, urn: string, now: number): KeyMove | undefined {
    // guard: mover-newest-here without: const [newest, ...older] = trust.activeKeys(urn, 'unwrap', now);
    const [newest, ...older] = trust.activeKeys(urn, 'unwrap', now).filter(({ record }) => this.isHere(record.kid));
    if (newest === undefined || older.length === 0) return undefined;
    return { newest, older: older.map(({ record }) => record.kid) };
  }

  /** `kid` of every key of this responder that opens what is sealed to it, and whose private half is here. */
  held(trust: Trust, urn: string): string[] {
    const keys = trust.entity(urn)?.keys ?? [];
    return keys.filter(({ kid, use }) => use === 'enc' && this.isHere(kid)).map(({ kid }) => kid);
  }

  /** Whether the directory lists a newest encryption key of this responder whose private half is not here. */
  lacksNewest(trust: Trust, urn: string, now: number): boolean {
    const [newest] = trust.activeKeys(urn, 'unwrap', now);
    return newest !== undefined && !this.isHere(newest.record.kid);
  }

  /**
   * Whether a grant of this responder gives the key of its content.
   * @returns undefined where nothing can be said of it: of a content that commits to no key, or for something else than
   *   the vault says
   */
  async isFit(found: FoundGrant, trust: Trust, urn: string): Promise<boolean | undefined> {
    try {
      (await this.open(found, trust, urn)).dek.wipe();
      return true;
    } catch (error) {
      if (error instanceof UnfitGrant) return false;
      if (error instanceof CryptoError) return undefined;
      throw error;
    }
  }

  /**
   * Opens a grant and seals what was in it to the newest key.
   * @returns the new grant, for the same content as the old one says under authentication
   * @throws {CryptoError} envelope_tampered if grant and content do not say the same, token_malformed; content_uncommitted;
   *   open_failed whatever went wrong after a key was used, which is an `UnfitGrant`; key_invalid where the newest key's suite ends sooner than the older one's
   */
  async move(found: FoundGrant, trust: Trust, urn: string, newest: Recipient): Promise<string> {
    const { dek, place, protectUntil } = await this.open(found, trust, urn);
    try {
      return await sealGrant(dek, { ...place, protectUntil }, newest);
    } finally {
      dek.wipe();
    }
  }

  private isHere(kid: string): boolean {
    return this.unwrappers.find(kid) !== undefined;
  }

  private async open({ grant, header, kid, sub, version }: FoundGrant, trust: Trust, urn: string) {
    const parsed = parseGrant(grant);
    const w = parsed.header;
    const c = readContentHeader(header);
    const holder = trust.holder(kid);
    if (
      w.kid !== kid || // guard: mover-key
      w.aud !== urn || // guard: mover-audience
      holder?.urn !== urn || // guard: mover-holder
      w.sub !== sub || // guard: mover-listed-prompt
      w.ver !== version || // guard: mover-listed-version
      c.org !== trust.org || // guard: mover-organisation
      c.sub !== w.sub || // guard: mover-content-prompt
      c.ver !== w.ver || // guard: mover-content-version
      c.kid !== w.dek || // guard: mover-content-key
      c.dkc !== w.dkc // guard: mover-content-commitment
    )
      throw new CryptoError('envelope_tampered', 'the grant is not for the content that it came with', {
        check: 'moved-grant',
      });
    const unwrapper = this.unwrappers.find(kid);
    if (unwrapper === undefined) throw new CryptoError('open_failed', 'could not be opened');
    // Its hash of the content the vault compares when the new grant comes; here it is authenticated by opening.
    // guard: mover-committed without: const dkc = c.dkc as string;
    const dkc = requireCommitment(c);
    const place = { sub: w.sub, ver: w.ver, chash: w.chash, dekId: w.dek, dkc };
    const dek = await openGrant(parsed, unwrapper, { urn, ...place });
    return { dek, place, protectUntil: suite(holder.record.suite).protectUntil ?? FOR_EVER };
  }
}
