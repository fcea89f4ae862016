import type { DirectoryEntity } from '../organisation/directory.js';
import { mintId, urnOf } from '../names/ids.js';
import type { KeyFile, KeyPurpose, KeyRecord } from '../keys/keys.js';
import { CHECKPOINT_SUITE } from '../keys/keys.js';
import { newRowSecret } from '../keys/row-secret.js';
import { loadUnwrapper } from '../tokens/open/compact.js';
import type { KeyPair, Signer, Unwrapper } from '../keys/signer.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';
import type { SealAlg, SignAlg, SuiteId } from '../keys/suites.js';

/** Entities with their private keys, for tests. */
export interface TestMember {
  readonly urn: string;
  /** `<urn>#<kid>` of the signing key. */
  readonly keyid: string;
  readonly sig: KeyPair;
  /** Undefined for a vault, to which nothing is ever sealed. */
  readonly enc: KeyPair | undefined;
  readonly signer: Signer;
  /** Its directory entry as it was made. */
  readonly entity: DirectoryEntity;
  readonly keyFile: KeyFile;
  /** Opens what is sealed to it. */
  unwrapper(): Promise<Unwrapper>;
}

/** A renewer, which signs requests with one key and freshness with another. */
export interface TestRenewer {
  readonly urn: string;
  readonly keyid: string;
  readonly signer: Signer;
  readonly fresh: Signer;
  readonly entity: Device;
  readonly keyFile: KeyFile;
}

/** Where a member belongs, and when and in which suite its keys are made. */
export interface MemberPlace {
  readonly org: string;
  readonly suite: 'rsa2048' | 'rsa3072' | 'p256';
  /** Seconds. */
  readonly now: number;
  readonly readyKeyPair?: ReadyKeyPair | undefined;
  /** Whether the vault has keys for managed names; not unless given. */
  readonly manages?: boolean | undefined;
}

/** Gives key pairs that were made before, each to one slot; undefined where there is none, and one is made. */
export type ReadyKeyPair = (suite: SuiteId, use: 'sig' | 'enc') => KeyPair | undefined;

export type Device = Extract<DirectoryEntity, { kind: 'device' }>;
type ServiceName = 'vault' | `responder:${string}` | `gateway:${string}`;

const DAY_SECONDS = 86_400;
const keyPairs = new Map<string, Promise<KeyPair>>();

/** One key pair per slot and process: making RSA keys is slow, and tests make many organisations. */
export function keyPairOf(
  slot: string,
  suite: SuiteId,
  use: 'sig' | 'enc',
  ready: ReadyKeyPair = () => undefined,
): Promise<KeyPair> {
  const name = `${slot} ${suite} ${use}`;
  const pair = keyPairs.get(name) ?? Promise.resolve(ready(suite, use) ?? generateKeyPair(suite, use));
  keyPairs.set(name, pair);
  return pair;
}

/** A device of a user of its own; `slot` names its keys. */
export function makeDevice(
  place: MemberPlace,
  slot: string,
  rights: Pick<Device, 'roles' | 'groups'>,
): Promise<TestMember> {
  const user = urnOf(place.org, 'user', mintId('usr'));
  const purposes: KeyPurpose[] = ['http', 'invoke', 'content', 'tag'];
  const entityOf = (keys: KeyRecord[]): Device => ({ kind: 'device', user, ...rights, keys });
  return makeMember(place, slot, urnOf(place.org, 'dev', mintId('dev')), { purposes, seals: true, entityOf });
}

/** A service; its address is `https://<name>.<org>.example`. Vault and responder have the key of log 1 and a row secret. */
export function makeService(place: MemberPlace, name: ServiceName): Promise<TestMember> {
  const url = `https://${name.replace(/^.*:/, '')}.${place.org}.example`;
  const urn = urnOf(place.org, 'svc', name);
  if (name === 'vault') {
    const entityOf = (keys: KeyRecord[]): DirectoryEntity => ({ kind: 'vault', url, roles: ['service'], keys });
    const manages = place.manages === true;
    return makeMember(place, name, urn, {
      purposes: ['http', 'envelope'],
      seals: false,
      logs: true,
      manages,
      entityOf,
    });
  }
  if (name.startsWith('gateway:')) {
    const entityOf = (keys: KeyRecord[]): DirectoryEntity => ({ kind: 'gateway', url, roles: ['gateway'], keys });
    return makeMember(place, name, urn, { purposes: ['http', 'invoke'], seals: false, entityOf });
  }
  const entityOf = (keys: KeyRecord[]): DirectoryEntity => ({ kind: 'responder', url, roles: ['service'], keys });
  return makeMember(place, name, urn, { purposes: ['http', 'reply'], seals: true, logs: true, entityOf });
}

interface MemberKind {
  readonly purposes: KeyPurpose[];
  /** Whether it has a key to which things are sealed. */
  readonly seals: boolean;
  /** Whether it has a key for the checkpoints of its log. */
  readonly logs?: boolean;
  /** Whether it has the keys of a vault that manages names. */
  readonly manages?: boolean;
  entityOf(keys: KeyRecord[]): DirectoryEntity;
}

async function makeMember(place: MemberPlace, slot: string, urn: string, kind: MemberKind): Promise<TestMember> {
  const { org, suite, now, readyKeyPair } = place;
  const sig = await keyPairOf(`${org} ${slot}`, suite, 'sig', readyKeyPair);
  const enc = kind.seals ? await keyPairOf(`${org} ${slot}`, suite, 'enc', readyKeyPair) : undefined;
  const keys: { pair: KeyPair; use: 'sig' | 'enc'; pur: KeyPurpose[]; log?: number }[] = [
    { pair: sig, use: 'sig', pur: kind.purposes },
  ];
  if (enc !== undefined) keys.push({ pair: enc, use: 'enc', pur: ['unwrap'] });
  if (kind.logs === true) {
    const pair = await keyPairOf(`${org} ${slot} checkpoint`, CHECKPOINT_SUITE, 'sig', readyKeyPair);
    keys.push({ pair, use: 'sig', pur: ['checkpoint'], log: 1 });
  }
  if (kind.manages === true) {
    const content = await keyPairOf(`${org} ${slot} content`, suite, 'sig', readyKeyPair);
    const deposit = await keyPairOf(`${org} ${slot} deposit`, suite, 'enc', readyKeyPair);
    keys.push({ pair: content, use: 'sig', pur: ['content'] }, { pair: deposit, use: 'enc', pur: ['deposit'] });
  }
  const times = { nbf: now - DAY_SECONDS, use_until: now + 365 * DAY_SECONDS, end: now + 3650 * DAY_SECONDS };
  const facts = ({ pair: { kid, alg, suite: of }, use, pur, log }: (typeof keys)[number]) => ({
    kid,
    use,
    alg,
    suite: of,
    pur,
    ...(log !== undefined && { log }),
  });
  return {
    urn,
    keyid: `${urn}#${sig.kid}`,
    sig,
    enc,
    signer: await loadSigner(sig.privateJwk, sig.alg as SignAlg),
    entity: kind.entityOf(keys.map((key) => ({ ...facts(key), ...times, jwk: key.pair.publicJwk }))),
    keyFile: {
      v: 1,
      org,
      urn,
      keys: keys.map((key) => ({ ...facts(key), jwk: key.pair.privateJwk })),
      ...(kind.logs === true && { rows: [newRowSecret()] }),
    },
    unwrapper() {
      if (enc === undefined) throw new Error(`nothing is sealed to ${slot}`);
      return loadUnwrapper(enc.privateJwk, enc.alg as SealAlg);
    },
  };
}

/** A renewer with a user of its own; its keys are of suite ed25519. */
export async function makeRenewer({ org, now, readyKeyPair }: MemberPlace, slot: string): Promise<TestRenewer> {
  const urn = urnOf(org, 'dev', mintId('dev'));
  const pair = (purpose: string) => keyPairOf(`${org} ${slot} ${purpose}`, 'ed25519', 'sig', readyKeyPair);
  const [http, fresh] = [await pair('http'), await pair('fresh')];
  const times = { nbf: now - DAY_SECONDS, use_until: now + 365 * DAY_SECONDS, end: now + 3650 * DAY_SECONDS };
  const listed: readonly [KeyPair, KeyPurpose][] = [
    [http, 'http'],
    [fresh, 'fresh'],
  ];
  const facts = ({ kid, alg }: KeyPair, purpose: KeyPurpose) =>
    ({ kid, use: 'sig', alg, suite: 'ed25519', pur: [purpose] }) as const;
  const records: KeyRecord[] = listed.map(([one, purpose]) => ({
    ...facts(one, purpose),
    pur: [purpose],
    ...times,
    jwk: one.publicJwk,
  }));
  return {
    urn,
    keyid: `${urn}#${http.kid}`,
    signer: await loadSigner(http.privateJwk, http.alg as SignAlg),
    fresh: await loadSigner(fresh.privateJwk, fresh.alg as SignAlg),
    entity: { kind: 'device', user: urnOf(org, 'user', mintId('usr')), roles: ['renewer'], groups: [], keys: records },
    keyFile: {
      v: 1,
      org,
      urn,
      keys: listed.map(([one, purpose]) => ({ ...facts(one, purpose), pur: [purpose], jwk: one.privateJwk })),
    },
  };
}
