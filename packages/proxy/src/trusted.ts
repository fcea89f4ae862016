import type { Bulla } from '@bulla/client';
import { BullaError } from '@bulla/client';
import { fingerprint } from '@bulla/crypto';

/** Whose word an answer of the proxy is. */
export interface Trusted {
  readonly organisation: string | null;
  /** Hash of the organisation's first root. */
  readonly pin: string | null;
  /** Version of the directory by which answers are verified. */
  readonly directory: number | null;
  readonly responder: { readonly urn: string; readonly keys: readonly string[] } | null;
  /** Names of models that the responder offers; null where it could not be asked. */
  readonly models: readonly string[] | null;
  /** Why something is not known: a code of docs/problems.md. */
  readonly trouble: string | null;
}

/** Whom answers are verified by right now. What cannot be found out is null, and `trouble` says why. */
export async function trustedBy(bulla: Bulla): Promise<Trusted> {
  const known: { -readonly [Name in keyof Trusted]: Trusted[Name] } = {
    organisation: null,
    pin: null,
    directory: null,
    responder: null,
    models: null,
    trouble: null,
  };
  try {
    const trust = await bulla.trust();
    Object.assign(known, { organisation: trust.org, pin: trust.pin, directory: trust.directory.version });
    const urn = await bulla.responder();
    const holders = trust.activeKeys(urn, 'reply', Math.floor(Date.now() / 1000));
    known.responder = { urn, keys: holders.map(({ record }) => fingerprint(record.kid)) };
    known.models = (await bulla.models()).data.map(({ name }) => name);
  } catch (error) {
    known.trouble = error instanceof BullaError ? error.code : 'internal';
  }
  return known;
}
