import type { TestOrganisation } from '@bulla/crypto/testing';
import type { Trust } from '@bulla/crypto';
import { Injectable } from '@nestjs/common';
import { TrustSource } from '../src/index.js';

/** The organisations of tests, and what they were asked for. */
@Injectable()
export class TinyTrust extends TrustSource {
  static readonly organisations = new Map<string, TestOrganisation>();
  static refreshes: string[] = [];
  static stale: Trust | undefined;
  /** How long newer documents are in coming. */
  static until: Promise<void> | undefined;

  override async trustOf(org: string): Promise<Trust | undefined> {
    return TinyTrust.stale ?? TinyTrust.organisations.get(org)?.trust;
  }

  override held(): readonly Trust[] {
    return [...TinyTrust.organisations.values()].map(({ trust }) => trust);
  }

  override async refresh(org: string): Promise<void> {
    TinyTrust.refreshes.push(org);
    TinyTrust.stale = undefined;
    await TinyTrust.until;
  }
}
