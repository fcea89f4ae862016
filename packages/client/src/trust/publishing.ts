import { AcceptedOrganisation, ProblemDocument } from '@bulla/contract';
import type { DirectoryDocument, TrustDocuments } from '@bulla/crypto';
import { documentPath, parseDirectory, parsePolicy, parseRoot, pinOf, strictParseBody, Trust } from '@bulla/crypto';
import { clockOf } from '../connection/clock.js';
import { BullaError, bullaError, checked, transportFailed } from '../connection/errors.js';
import type { Identity } from '../connection/identity.js';
import { requireLoopback } from '../connection/loopback.js';
import { PublicReader } from '../connection/public-reader.js';
import { readBytes } from '../connection/response-bytes.js';
import type { Service } from '../connection/transport.js';
import { Transport } from '../connection/transport.js';
import { urlUnder } from '../connection/url-under.js';
import { unreachable } from '../connection/unreachable.js';

/** An organisation's documents as their keeper has them, and who brings them to a vault. */
export interface Publication {
  readonly vaultUrl: string | URL;
  /** A device of the organisation whose roles allow it. */
  readonly identity: Identity;
  readonly pin: string;
  readonly documents: TrustDocuments;
  /** Versions before the newest, which a vault that missed some must be given in turn. */
  readonly earlier: (kind: 'policy' | 'directory', version: number) => Promise<string | undefined>;
  /** Hashes of all directories before the newest, which a new vault must be given. */
  readonly hashes: () => Promise<readonly string[]>;
  /** Lets the organisation into a vault that does not have it. */
  readonly bootstrapSecret: string;
  readonly fetch?: typeof fetch;
  /** Seconds; the platform's clock unless given. */
  readonly now?: () => number;
}

interface Publisher extends Publication {
  readonly org: string;
  readonly at: (path: string) => URL;
  readonly reader: PublicReader;
  readonly fetch: typeof fetch;
  readonly now: () => number;
  readonly trust: Trust;
  readonly vault: Service;
}

const RESPONSE_MAX_BYTES = 64 * 1024;

/**
 * Brings a vault's copy of an organisation's documents up to date; an interrupted call is finished by the next.
 * @returns whether the vault did not have the organisation before.
 * @throws {ConflictError} name_taken if the vault has another organisation of this name, version_conflict if it has not
 *   seen a version that is kept nowhere; {TrustError} trust_rollback if it has newer documents; {BullaError} what the
 *   vault refused
 */
export async function publishOrganisation(publication: Publication): Promise<{ readonly isNew: boolean }> {
  const { identity, pin, documents, fetch: fetcher = fetch } = publication;
  const now = clockOf(publication.now);
  const { org } = identity;
  const base = new URL(publication.vaultUrl);
  // That it is the newest, a renewer says once the vault has it.
  const trust = await checked(() => Trust.establish(documents, { org, pin, now: now(), acceptStale: true }));
  requireLoopback(trust, base);
  const [urn = ''] = trust.entitiesOf('vault');
  const publisher: Publisher = {
    ...publication,
    org,
    at: (path) => urlUnder(base, path),
    reader: new PublicReader(fetcher),
    fetch: fetcher,
    now,
    trust,
    vault: { url: base, urn },
  };
  const first = await publisher.reader.read(publisher.at(documentPath(org, 'root/1.json')));
  if (first === undefined) await create(publisher);
  else await requireSame(first, publisher);
  const served = await publisher.reader.read(publisher.at(documentPath(org, 'directory.json')));
  const known = served === undefined ? undefined : (await checked(() => parseDirectory(served))).payload;
  if (known === undefined) throw transportFailed('the vault has a root of the organisation and no directory');
  const transport = transportBy(publisher, known);
  if (served !== documents.directory) await publishLater(publisher, transport, known);
  return { isNew: first === undefined };
}

/** Requests signed by the newest of our keys that the vault knows: a directory may bring it one that it does not. */
function transportBy({ identity, fetch: fetcher, now }: Publisher, known: DirectoryDocument): Transport {
  const kids = new Set(known.entities[identity.urn]?.keys.map(({ kid }) => kid));
  const signer = [identity.signer, ...identity.olderSigners].find(({ kid }) => kids.has(kid)) ?? identity.signer;
  return new Transport({ identity: { ...identity, signer, olderSigners: [] }, fetch: fetcher, now });
}

async function create({
  at,
  bootstrapSecret,
  documents,
  fetch: fetcher,
  org,
  pin,
  ...publisher
}: Publisher): Promise<void> {
  const url = at(`/api/v1/organisations/${org}`);
  const headers = {
    'content-type': 'application/json',
    authorization: `Bootstrap ${bootstrapSecret}`,
    'idempotency-key': `create-${pin.slice('sha256:'.length)}`,
  };
  const { roots, policy, directory } = documents;
  const [root, ...later] = roots;
  const hashes = await publisher.hashes();
  const body = JSON.stringify({
    root,
    ...(later.length > 0 && { roots: later }),
    policy,
    directory,
    ...(hashes.length > 0 && { hashes }),
  });
  let response: Response;
  try {
    response = await fetcher(url, { method: 'PUT', headers, body, redirect: 'error' });
  } catch (cause) {
    throw unreachable(`the vault at ${url.origin}`, cause);
  }
  const answer = parse(await readBytes(response, RESPONSE_MAX_BYTES));
  if (AcceptedOrganisation.safeParse(answer).data?.pin === pin && response.ok) return;
  // Nobody has a key of the vault yet: what it says is a hint, and the documents it then serves decide.
  const problem = ProblemDocument.safeParse(answer).data;
  throw transportFailed(`the vault did not take the organisation in (${problem?.code ?? response.status})`, {
    status: response.status,
    retryable: false,
  });
}

function parse(body: Uint8Array<ArrayBuffer>): unknown {
  try {
    return strictParseBody(body, { maxBytes: RESPONSE_MAX_BYTES });
  } catch {
    return undefined;
  }
}

async function requireSame(root: string, { org, pin }: Publisher): Promise<void> {
  if ((await checked(async () => pinOf(await parseRoot(root)))) === pin) return;
  throw bullaError('name_taken', {
    message: `the vault has another organisation called ${org}`,
    origin: 'client',
    status: 409,
  });
}

/**
 * Each directory the vault has not seen, in turn, and before it the policy that it names. The first under a new root goes
 * with that root and its policy.
 */
async function publishLater(publisher: Publisher, transport: Transport, known: DirectoryDocument): Promise<void> {
  const { documents, earlier, org, trust, vault } = publisher;
  const newest = trust.directory.version;
  if (known.version >= newest) {
    const message = `the vault has another directory of version ${known.version}; here the newest is ${newest}`;
    throw bullaError('trust_rollback', { message, check: 'directory-version', origin: 'client' });
  }
  let policyVersion = known.policy.version;
  let rootVersion = await newestRoot(publisher, known.root_version);
  for (let version = known.version + 1; version <= newest; version++) {
    const directory = version === newest ? documents.directory : await earlier('directory', version);
    if (directory === undefined) throw missing('directory', version);
    const { policy, root_version: n } = (await checked(() => parseDirectory(directory))).payload;
    const root = n <= rootVersion ? undefined : documents.roots[n - 1];
    const before = root === undefined ? policy.version : policy.version - 1;
    for (; policyVersion < before; policyVersion++) await publishPolicy(publisher, transport, policyVersion + 1);
    if (root !== undefined) {
      const body = { root, policy: await policyOf(publisher, policy.version), directory };
      await transport.call('root.publish', vault, trust, { params: { org, n }, body, ifMatch: rootVersion });
      [rootVersion, policyVersion] = [n, policy.version];
      continue;
    }
    await transport.call('directory.publish', vault, trust, {
      params: { org },
      body: { directory },
      ifMatch: version - 1,
    });
  }
}

/** Version of the vault's newest root: an earlier version of it took one without documents under it. */
async function newestRoot({ at, org, reader }: Publisher, stated: number): Promise<number> {
  let version = stated;
  while ((await reader.read(at(documentPath(org, `root/${version + 1}.json`)))) !== undefined) version++;
  return version;
}

async function policyOf({ documents, earlier, trust }: Publisher, version: number): Promise<string> {
  const policy = version === trust.policy.version ? documents.policy : await earlier('policy', version);
  if (policy === undefined) throw missing('policy', version);
  await checked(() => parsePolicy(policy));
  return policy;
}

async function publishPolicy(publisher: Publisher, transport: Transport, version: number): Promise<void> {
  const { org, trust, vault } = publisher;
  const policy = await policyOf(publisher, version);
  try {
    await transport.call('policy.publish', vault, trust, { params: { org }, body: { policy }, ifMatch: version - 1 });
  } catch (error) {
    // It got there before an interruption; the directory that names it decides.
    if (!(error instanceof BullaError) || error.code !== 'version_conflict') throw error;
  }
}

function missing(kind: string, version: number): BullaError {
  const message = `the vault has not seen ${kind} version ${version}, and neither is it kept here`;
  return bullaError('version_conflict', { message, origin: 'client', status: 412 });
}
