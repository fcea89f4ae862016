import type { TlsFault } from '@bulla/contract';
import { tlsFaultOf } from '@bulla/contract';
import type { BullaError } from './errors.js';
import { transportFailed } from './errors.js';

const WORDS: Readonly<Record<TlsFault, string>> = {
  untrusted: 'its certificate is by an authority that is not known here',
  expired: 'its certificate has expired',
  not_yet: 'its certificate does not count yet',
  other_name: 'its certificate is for another name',
  no_tls: 'what answers there does not speak TLS',
  other_version: 'it speaks no version of TLS that this side speaks',
  other: 'its certificate or its TLS is not good',
};

/**
 * No connection came about, and nothing was sent.
 * @param place what it is and where, such as `the vault at https://vault.example`.
 */
export function unreachable(place: string, cause: unknown): BullaError {
  const fault = tlsFaultOf(cause);
  if (fault === undefined) return transportFailed(`cannot reach ${place}; is it running?`, { cause });
  const details = { kind: 'tls', fault } as const;
  return transportFailed(`cannot reach ${place}: ${WORDS[fault]}`, { cause, retryable: false, details });
}

/** A fault of TLS as the end of a sentence about a service. */
export function tlsFaultInWords(fault: TlsFault): string {
  return WORDS[fault];
}
