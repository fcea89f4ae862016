import type { Signer, TokenKey } from '@bulla/crypto';
import type { Io } from '../io.js';
import { loadByName } from './load-by-name.js';

/** A signing key of a service in a token, as @bulla/service-kit asks it. */
export interface TokenSigner extends Signer {
  /** What the token calls it. */
  readonly place: string;
  /** What people are told where it is no token of production; known once it signed. */
  readonly standIn?: string | undefined;
  /** @throws an error with `message` and `hint` while it cannot sign */
  look(): Promise<void>;
  /** Ends the process that asks the token. */
  retire(): void;
}

/** What the command uses of @bulla/service-kit/token, which it loads by name: what speaks PKCS#11 belongs to services. */
interface TokenPackage {
  makeTokenKey(
    this: void,
    uri: string,
    options: { readonly modulusBits: number; readonly suffix: string },
  ): Promise<Pick<TokenKey, 'jwk' | 'token'>>;
  readonly TokenSigner: new (key: TokenKey) => TokenSigner;
}

/** @throws {UsageError} if it is not installed */
export function loadTokens(io: Io): Promise<TokenPackage> {
  return loadByName(io, '@bulla/service-kit/token');
}

/** Asks a key of a token once, and ends the process that did. */
export async function withTokenSigner<Value>(
  io: Io,
  key: TokenKey,
  work: (signer: TokenSigner) => Promise<Value>,
): Promise<Value> {
  const { TokenSigner: Opened } = await loadTokens(io);
  const signer = new Opened(key);
  try {
    await signer.look();
    return await work(signer);
  } finally {
    signer.retire();
  }
}
