export type { Bytes } from './bytes.js';
export {
  concatBytes,
  decodeBase64url,
  decodeUtf8,
  digestB64u,
  encodeBase64url,
  encodeHex,
  equalBytes,
  randomBytes,
  sha256,
  tokenHash,
  utf8,
} from './bytes.js';
export type { CryptoErrorCode } from './errors.js';
export { CryptoError } from './errors.js';
export type { IdPrefix, ParsedUrn, UrnKind } from './ids.js';
export { idPattern, LABEL_PATTERN, mintId, NAME_PATTERN, ORG_PATTERN, organisationUrn, parseUrn, recoveryUrn, urnOf } from './ids.js';
export type { KeyFile, KeyPurpose, KeyRecord, KeyState, KeyUsage, PrivateJwk, PublicJwk } from './keys.js';
export { checkKeyRecord, fingerprint, isUsable, keyFileSchema, keyRecordSchema, keyState, keyThumbprint } from './keys.js';
export { Secret } from './secret.js';
export type { KeyPair, Signer, Unwrapper } from './signer.js';
export { generateKeyPair, loadSigner, publicJwkOf } from './signer.js';
export { strictParse, strictParseBody } from './strict-parse.js';
export type { SealAlg, SignAlg, Suite, SuiteId } from './suites.js';
export { SUITES, suite } from './suites.js';
