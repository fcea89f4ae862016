export { makeTokenKey } from './token/make-token-key.js';
export { TokenSigner } from './token/token-signer.js';
