/** The certificate of a sink, or whose it is, is not known here. */
const UNKNOWN_AUTHORITY =
  'its certificate is by an authority that is not known here: name it with --ca or BULLA_CA_FILE';

/** Why a sink could not be talked to, in words; nothing that was sent is in them. */
export function sinkFault(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  if (typeof code !== 'string') return 'the connection failed';
  const words = WORDS[code];
  if (words !== undefined) return `${words} (${code})`;
  return CERTIFICATE.test(code) ? `its certificate is not good (${code})` : `the connection failed (${code})`;
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up now',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
  ETIMEDOUT: 'it does not answer',
  EMSGSIZE: 'its answer has no end',
  EHOSTUNREACH: 'no network leads there',
  ENETUNREACH: 'no network leads there',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
};
const CERTIFICATE = /CERT|^ERR_(SSL|TLS)/;
