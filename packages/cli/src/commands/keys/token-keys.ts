import type { FreshKeys } from '@bulla/client/node';
import type { KeyFile } from '@bulla/crypto';
import { keyThumbprint, suite } from '@bulla/crypto';
import { signPublicKeys } from '@bulla/crypto/key-files';
import type { Context } from '../../context.js';
import { loadTokens, withTokenSigner } from '../../home/token-package.js';
import { UsageError } from '../../input/usage-error.js';

/** Makes signing keys in a token: the first by the label in the URI, and each other by that and its purposes. */
export function signingKeysInToken(context: Context, uri: string): NonNullable<FreshKeys['makeSigning']> {
  let made = 0;
  return async (id, pur) => {
    const { sign: alg, modulusBits } = suite(id);
    if (alg !== 'PS256' || modulusBits === undefined)
      throw new UsageError(`keys in tokens are RSA keys, and these are of suite ${id}`, 'add --suite rsa3072');
    const { makeTokenKey } = await loadTokens(context.io);
    const suffix = made === 0 ? '' : `-${pur.join('-')}`;
    made += 1;
    const { jwk, token } = await makeTokenKey(uri, { modulusBits, suffix });
    const key = { kid: await keyThumbprint(jwk), use: 'sig', alg, suite: id, pur, jwk, token } as const;
    await withTokenSigner(context.io, key, async ({ place, standIn }) => {
      const what = standIn === undefined ? '' : ` (stand-in: ${standIn})`;
      context.out.talk(`made in the token: ${place}${what}, for ${pur.join(', ')}`);
    });
    return key;
  };
}

/** The public keys of a file, stated by its newest signing key, wherever that is. */
export function statePublicKeys(context: Context, keys: KeyFile): Promise<string> {
  const [newest] = keys.keys.filter(({ use }) => use === 'sig');
  const at = context.now();
  if (newest === undefined || !('token' in newest)) return signPublicKeys(keys, at);
  return withTokenSigner(context.io, newest, (signer) => signPublicKeys(keys, at, signer));
}
