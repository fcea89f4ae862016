import type { KeyHolder, PrivateJwk, SealAlg, SignAlg, Signer, TrustDocuments, Unwrapper } from '@bulla/crypto';
import { loadSigner, Trust } from '@bulla/crypto';
import { loadUnwrapper } from '@bulla/crypto/open';
import { readVectors } from './vectors.js';

interface StoredKey {
  readonly kid: string;
  readonly alg: SignAlg | SealAlg;
  readonly jwk: PrivateJwk;
}
interface StoredOrganisation {
  readonly org: string;
  readonly pin: string;
  readonly documents: TrustDocuments;
  readonly prompts: readonly [string, string];
  readonly entities: Readonly<
    Record<string, { readonly urn: string; readonly keys: Readonly<Record<string, StoredKey>> }>
  >;
  readonly recovery: StoredKey;
}
interface StoredOrganisations {
  readonly now: number;
  readonly kept: string;
  readonly acme: StoredOrganisation;
  readonly globex: StoredOrganisation;
}

const stored = readVectors('golden/organisations.json') as StoredOrganisations;

/** The moment of all vectors, in seconds. */
export const NOW = stored.now;
/** A chash that both organisations list as kept. */
export const KEPT = stored.kept;

/** An organisation of the golden vectors, with everybody's keys at hand. */
export interface TestOrganisation {
  readonly org: string;
  readonly trust: Trust;
  /** TypeIDs of two prompts; version 1 of the second is withdrawn. */
  readonly prompts: readonly [string, string];
  urn(name: string): string;
  kid(name: string, key?: string): string;
  signer(name: string, key?: string): Promise<Signer>;
  unwrapper(name: string): Promise<Unwrapper>;
  holder(name: string, key?: string): KeyHolder;
}

export async function loadOrganisation(org: 'acme' | 'globex'): Promise<TestOrganisation> {
  const { pin, documents, prompts, entities, recovery } = stored[org];
  const trust = await Trust.establish(documents, { org, pin, now: NOW });
  const entity = (name: string) => {
    const found = entities[name];
    if (found === undefined) throw new Error(`nobody is called ${name}`);
    return found;
  };
  const key = (name: string, keyName: string) => {
    const found = name === 'recovery' ? recovery : entity(name).keys[keyName];
    if (found === undefined) throw new Error(`${name} has no key ${keyName}`);
    return found;
  };
  return {
    org,
    trust,
    prompts,
    urn: (name) => entity(name).urn,
    kid: (name, keyName = 'sig') => key(name, keyName).kid,
    signer: (name, keyName = 'sig') => loadSigner(key(name, keyName).jwk, key(name, keyName).alg as SignAlg),
    unwrapper: (name) => loadUnwrapper(key(name, 'enc').jwk, 'RSA-OAEP-256'),
    holder: (name, keyName = 'sig') => {
      const holder = trust.holder(key(name, keyName).kid);
      if (holder === undefined) throw new Error(`${name} is not listed`);
      return holder;
    },
  };
}
