/** What keeps a client from speaking TLS with a server, as far as people can do something about it. */
export type TlsFault =
  /** The certificate is by an authority that the client does not know. */
  | 'untrusted'
  | 'expired'
  /** The certificate counts later than now, or the clock is behind. */
  | 'not_yet'
  | 'other_name'
  /** What answers there does not speak TLS. */
  | 'no_tls'
  /** They have no version of TLS in common. */
  | 'other_version'
  | 'other';

const CODES: ReadonlyMap<string, TlsFault> = new Map(
  Object.entries({
    DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted',
    SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
    UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
    CERT_SIGNATURE_FAILURE: 'untrusted',
    CERT_HAS_EXPIRED: 'expired',
    CERT_NOT_YET_VALID: 'not_yet',
    ERR_TLS_CERT_ALTNAME_INVALID: 'other_name',
    ERR_SSL_WRONG_VERSION_NUMBER: 'no_tls',
    ERR_SSL_PACKET_LENGTH_TOO_LONG: 'no_tls',
    ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'other_version',
    ERR_SSL_UNSUPPORTED_PROTOCOL: 'other_version',
  } satisfies Record<string, TlsFault>),
);
/** The rest of what Node and OpenSSL say about certificates and handshakes. */
const OTHER = /^(?:CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|UNABLE_TO_|INVALID_(?:CA|PURPOSE)$)/;
/** `fetch` puts what happened into causes. */
const CAUSES_MAX = 3;

/** What Node says of a failed connection, in our words; undefined where TLS is not to blame. */
export function tlsFaultOf(error: unknown): TlsFault | undefined {
  let at = error;
  for (let depth = 0; depth <= CAUSES_MAX && typeof at === 'object' && at !== null; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === 'string') {
      const fault = CODES.get(code) ?? (OTHER.test(code) ? 'other' : undefined);
      if (fault !== undefined) return fault;
    }
    at = cause;
  }
  return undefined;
}
