/**
 * The two organisations of the golden vectors: keys, root, policy and directory. Every vector is signed by these keys.
 * The private keys are published on purpose and good for tests only. `--documents-anew` signs the documents anew, in a
 * new format, and leaves everybody who is there with their keys: what they signed stays good.
 */
import type { DirectoryDocument, KeyPair, KeyPurpose, SuiteId } from '@bulla/crypto';
import {
  FIRST_CHAIN,
  generateKeyPair,
  loadSigner,
  mintId,
  parseDirectory,
  parsePolicy,
  parseRoot,
  pinOf,
  signDocument,
  tokenHash,
} from '@bulla/crypto';
import { publicOf } from './raw-tokens.mjs';
import { publish, read, write } from './published.mjs';

const FILE = 'golden/organisations.json';
const areDocumentsNew = process.argv.includes('--documents-anew');

const NOW = 1_800_000_000;
const DAY = 86_400;
const YEAR = 365 * DAY;

interface KeyPlan {
  readonly suite: SuiteId;
  readonly use: 'sig' | 'enc';
  readonly pur: readonly KeyPurpose[];
  /** Seconds from NOW: nbf, use_until, end. */
  readonly times?: readonly [number, number, number];
  readonly revoked?: true;
}
interface EntityPlan {
  readonly urn: string;
  readonly entity: Record<string, unknown>;
  readonly keys: Readonly<Record<string, KeyPlan>>;
}

const DEVICE_PURPOSES: readonly KeyPurpose[] = ['http', 'invoke', 'content', 'tag'];
const LIFE = [-30 * DAY, YEAR - 30 * DAY, 10 * YEAR] as const;

function deviceOf(org: string, roles: string[], groups: string[], keys: Readonly<Record<string, KeyPlan>>): EntityPlan {
  const user = `urn:bulla:${org}:user:${mintId('usr')}`;
  return { urn: `urn:bulla:${org}:dev:${mintId('dev')}`, entity: { kind: 'device', user, roles, groups }, keys };
}

function signing(suite: SuiteId, more: Partial<KeyPlan> = {}): Readonly<Record<string, KeyPlan>> {
  return { sig: { suite, use: 'sig', pur: DEVICE_PURPOSES, ...more } };
}

function renewerOf(org: string): EntityPlan {
  const key = (purpose: KeyPurpose): KeyPlan => ({ suite: 'ed25519', use: 'sig', pur: [purpose] });
  return deviceOf(org, ['renewer'], [], { http: key('http'), fresh: key('fresh') });
}

function responderOf(org: string, id: string): EntityPlan {
  return {
    urn: `urn:bulla:${org}:svc:responder:${id}`,
    entity: { kind: 'responder', url: `https://${id}.${org}.example`, roles: ['service'] },
    keys: {
      sig: { suite: 'rsa2048', use: 'sig', pur: ['http', 'reply'] },
      enc: { suite: 'rsa2048', use: 'enc', pur: ['unwrap'] },
    },
  };
}

function vaultOf(org: string): EntityPlan {
  return {
    urn: `urn:bulla:${org}:svc:vault`,
    entity: { kind: 'vault', roles: ['service'] },
    keys: {
      sig: { suite: 'rsa2048', use: 'sig', pur: ['http', 'envelope'] },
      content: { suite: 'rsa2048', use: 'sig', pur: ['content'] },
      // Past use_until by less and by more than the 300 seconds an envelope may still be in flight.
      fading: { suite: 'ed25519', use: 'sig', pur: ['envelope'], times: [-90 * DAY, -200, DAY] },
      faded: { suite: 'ed25519', use: 'sig', pur: ['envelope'], times: [-90 * DAY, -400, DAY] },
    },
  };
}

function castOf(org: string): Readonly<Record<string, EntityPlan>> {
  const enc: KeyPlan = { suite: 'rsa2048', use: 'enc', pur: ['unwrap'] };
  const authors = ['grp:authors'];
  return {
    owner: deviceOf(org, ['owner', 'author', 'invoker'], ['grp:authors', 'grp:release', 'grp:support'], {
      ...signing('rsa2048'),
      enc,
    }),
    asker: deviceOf(org, ['invoker'], ['grp:support'], { ...signing('rsa2048'), enc }),
    releaser: deviceOf(org, ['author'], ['grp:authors', 'grp:release'], signing('ed25519')),
    veteran: deviceOf(org, ['author'], authors, signing('ed25519', { times: [-YEAR, -DAY, 10 * YEAR] })),
    ended: deviceOf(org, ['author'], authors, signing('ed25519', { times: [-2 * YEAR, -YEAR, -DAY] })),
    early: deviceOf(org, ['author'], authors, signing('ed25519', { times: [DAY, YEAR, 10 * YEAR] })),
    leaver: deviceOf(org, ['author'], authors, signing('ed25519', { revoked: true })),
    guest: deviceOf(org, ['author'], ['grp:guests'], signing('ed25519')),
    member: deviceOf(org, ['invoker'], authors, signing('ed25519')),
    browser: deviceOf(org, ['author'], authors, signing('ed25519', { pur: ['http', 'invoke'] })),
    renewer: renewerOf(org),
    stranger: deviceOf(org, ['author'], authors, { sig: { suite: 'rsa3072', use: 'sig', pur: DEVICE_PURPOSES } }),
    vault: vaultOf(org),
    eu1: responderOf(org, 'eu1'),
    us1: responderOf(org, 'us1'),
  };
}

/** A key as the file holds it. */
interface StoredKey {
  readonly kid: string;
  readonly alg: KeyPair['alg'];
  readonly jwk: KeyPair['privateJwk'];
}
/** An organisation as the file holds it. */
interface Stored {
  readonly documents: { readonly directory: string };
  readonly prompts: readonly string[];
  readonly recovery: StoredKey;
  readonly entities: Readonly<
    Record<string, { readonly urn: string; readonly keys: Readonly<Record<string, StoredKey>> }>
  >;
}

/** A key that is there, or a new one. */
async function keyOf(stored: StoredKey | undefined, suite: SuiteId, use: 'sig' | 'enc') {
  if (stored === undefined) return generateKeyPair(suite, use);
  const { kid, alg, jwk } = stored;
  return { kid, alg, privateJwk: jwk, publicJwk: publicOf(jwk as never) as KeyPair['publicJwk'] };
}

/** Who is there already stays who they are. */
async function castAgain(org: string, before: Stored | undefined): Promise<Readonly<Record<string, EntityPlan>>> {
  const cast = castOf(org);
  if (before === undefined) return cast;
  const { entities } = (await parseDirectory(before.documents.directory)).payload;
  const known = (name: string, plan: EntityPlan): EntityPlan => {
    const urn = before.entities[name]?.urn ?? plan.urn;
    const listed: Partial<DirectoryDocument['entities'][string]> = entities[urn] ?? {};
    return { ...plan, urn, entity: { ...plan.entity, ...('user' in listed && { user: listed.user }) } };
  };
  return Object.fromEntries(Object.entries(cast).map(([name, plan]) => [name, known(name, plan)]));
}

async function makeOrganisation(
  org: string,
  kept: readonly string[],
  before: Stored | undefined,
): Promise<Record<string, unknown>> {
  const documentKeys = await Promise.all(['root', 'policy', 'directory'].map(() => generateKeyPair('ed25519', 'sig')));
  const [root, policy, directory] = documentKeys as [KeyPair, KeyPair, KeyPair];
  const signers = await Promise.all(documentKeys.map((pair) => loadSigner(pair.privateJwk, 'Ed25519')));
  const recovery = await keyOf(before?.recovery, 'rsa3072', 'enc');
  const role = (pair: KeyPair) => ({ kids: [pair.kid], threshold: 1 });
  const rootToken = await signDocument(
    {
      _type: 'bulla-root',
      spec: '1',
      org,
      profile: 'development',
      version: 1,
      issued: dateOf(-DAY),
      expires: dateOf(YEAR - DAY),
      keys: Object.fromEntries(documentKeys.map(({ kid, publicJwk, alg }) => [kid, { jwk: publicJwk, alg }])),
      roles: { root: role(root), policy: role(policy), directory: role(directory) },
      recovery_enc: { kid: recovery.kid, alg: recovery.alg, suite: 'rsa3072', jwk: recovery.publicJwk },
    },
    signers.slice(0, 1),
  );
  const policyToken = await signDocument(
    {
      _type: 'bulla-policy',
      spec: '2',
      org,
      version: 1,
      root_version: 1,
      issued: dateOf(-DAY),
      expires: dateOf(YEAR - DAY),
      suites: ['rsa2048', 'ed25519'],
      custody: { '*': 'sealed', 'open/': 'managed' },
      authors: { '*': ['grp:authors'] },
      labels: { production: { groups: ['grp:release'], threshold: 2 }, stable: { groups: ['grp:release'], days: 30 } },
      chat: ['grp:support'],
      auth: { bearer: false, oidc: 'off' },
      max_skew: 60,
    },
    signers.slice(1, 2),
  );
  const cast = await castAgain(org, before);
  const made: Record<string, { urn: string; keys: Record<string, unknown> }> = {};
  const entities: Record<string, unknown> = {};
  const revoked: unknown[] = [];
  for (const [name, plan] of Object.entries(cast)) {
    const records: unknown[] = [];
    made[name] = { urn: plan.urn, keys: {} };
    for (const [keyName, key] of Object.entries(plan.keys)) {
      const pair = await keyOf(before?.entities[name]?.keys[keyName], key.suite, key.use);
      const [nbf, until, end] = (key.times ?? LIFE).map((seconds) => NOW + seconds);
      records.push({
        kid: pair.kid,
        use: key.use,
        alg: pair.alg,
        suite: key.suite,
        pur: key.pur,
        nbf,
        use_until: until,
        end,
        jwk: pair.publicJwk,
      });
      made[name].keys[keyName] = { kid: pair.kid, alg: pair.alg, jwk: pair.privateJwk };
      if (key.revoked) revoked.push({ kid: pair.kid, reason: 'keyCompromise', at: NOW - 3600 });
    }
    entities[plan.urn] = { ...plan.entity, keys: records };
  }
  const prompts = before?.prompts ?? [mintId('prm'), mintId('prm')];
  const parsedPolicy = await parsePolicy(policyToken);
  const directoryToken = await signDocument(
    {
      _type: 'bulla-directory',
      spec: '2',
      org,
      version: 1,
      root_version: 1,
      chain: FIRST_CHAIN,
      policy: { version: 1, hash: parsedPolicy.hash },
      issued: dateOf(-DAY),
      expires: dateOf(80 * DAY),
      entities,
      revoked,
      kept,
      withdrawn: [{ sub: `urn:bulla:${org}:prompt:${prompts[1]}`, below: 2 }],
    },
    signers.slice(2, 3),
  );
  return {
    org,
    pin: pinOf(await parseRoot(rootToken)),
    documents: { roots: [rootToken], policy: policyToken, directory: directoryToken },
    prompts,
    entities: made,
    recovery: { kid: recovery.kid, alg: recovery.alg, jwk: recovery.privateJwk },
  };
}

function dateOf(seconds: number): string {
  return new Date((NOW + seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

const before = (areDocumentsNew ? read(FILE) : {}) as Partial<Record<'acme' | 'globex', Stored>>;
const organisations = {
  note: 'Keys for tests only, published on purpose. Made once by make-organisations.ts; every vector depends on them.',
  now: NOW,
  kept: await tokenHash('the content that the organisation keeps'),
  acme: {},
  globex: {},
};
organisations.acme = await makeOrganisation('acme', [organisations.kept], before.acme);
organisations.globex = await makeOrganisation('globex', [organisations.kept], before.globex);
if (areDocumentsNew) write(FILE, organisations);
else publish(FILE, organisations);
