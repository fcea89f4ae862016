export type { RequestSignature, RequestTag, SignRequestOptions } from './http/signature.js';
export {
  checkSignatureTimes,
  parseRequestSignature,
  signRequest,
  verifyRequestSignature,
} from './http/signature.js';
export type { HttpRequestParts, RequestSummary, RequestTarget } from './http/signature-components.js';
export { normalizeAuthority, requestSummary, requestTargetOf } from './http/signature-components.js';
export type {
  HttpResponseParts,
  ResponseToSign,
  ResponseTrust,
  VerifiedResponse,
  VerifyResponseOptions,
} from './http/response-signature.js';
export { signResponse, verifyResponse } from './http/response-signature.js';
export { parseKeyid } from './http/signature-base.js';
