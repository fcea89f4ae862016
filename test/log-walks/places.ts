import type { RowSecret } from '@bulla/crypto';
import { originOf, pinInOrigin } from '@bulla/crypto/log';

export const ORGS = ['acme', 'beta'] as const;
export type Org = (typeof ORGS)[number];

/** A fault that is planted, to see that walks find it. */
export type Planted = 'rows of anybody' | 'forgotten marks' | 'keys of any number';

/** What a service's key file has of its logs. */
export interface KeyFileState {
  readonly logs: readonly number[];
  readonly rows: readonly RowSecret[];
}

export const urnOf = (org: string) => `urn:bulla:${org}:svc:vault`;
export const pinOf = (org: string) => `sha256:${(org === 'acme' ? 'a' : 'b').repeat(64)}`;
export const originIn = (org: string, number: number) =>
  originOf({ urn: urnOf(org), number, pin: pinInOrigin(pinOf(org)) });
