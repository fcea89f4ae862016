import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

// Loaded with --import before a process of Bulla: counts what it does with private keys, and prints the count on SIGUSR2.
// The keys of checkpoints, which sign on a timer and for no request, are of another kind and are not counted.

type Kind = 'signatures' | 'openings';
const counted: Record<Kind, number> = { signatures: 0, openings: 0 };

/** Has a function of a module, or a method, counted where its arguments hold a private key. */
function count(owner: object, name: string, kind: Kind, isCounted: (args: readonly unknown[]) => boolean): void {
  const original = Reflect.get(owner, name) as (...args: readonly unknown[]) => unknown;
  Reflect.set(owner, name, function (this: unknown, ...args: readonly unknown[]) {
    if (isCounted(args)) counted[kind]++;
    return Reflect.apply(original, this, args);
  });
}

count(crypto, 'sign', 'signatures', ([, , given]) => {
  const key = given instanceof crypto.KeyObject ? given : (given as { readonly key?: unknown }).key;
  return !(key instanceof crypto.KeyObject) || key.asymmetricKeyType !== 'ed25519';
});
// What imports `sign` by name gets the one that counts.
syncBuiltinESMExports();

const methods = Object.getPrototypeOf(crypto.webcrypto.subtle) as object;
const isPrivate = ([, key]: readonly unknown[]) => {
  const { type, algorithm } = key as crypto.webcrypto.CryptoKey;
  return type === 'private' && algorithm.name !== 'Ed25519';
};
count(methods, 'sign', 'signatures', isPrivate);
count(methods, 'decrypt', 'openings', isPrivate);
count(methods, 'deriveBits', 'openings', isPrivate);

process.on('SIGUSR2', () => {
  process.stderr.write(`${JSON.stringify({ event: 'private-operations', ...counted })}\n`);
});
