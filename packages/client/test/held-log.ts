import type { AuditAct, AuditEvent, AuditFacts } from '@bulla/contract';
import { actorsOf, encodeLeaf, fitOf, Problem, ROUTES, routesOf, targetOf } from '@bulla/contract';
import { concatBytes, digestB64u, encodeBase64url, loadSigner, mintId, privateJwkOf, utf8 } from '@bulla/crypto';
import type { Signer } from '@bulla/crypto';
import { signRequest } from '@bulla/crypto/http';
import type { NoteSigner, TreeHead } from '@bulla/crypto/log';
import {
  makeConsistencyProof,
  makeInclusionProof,
  noteKeyOf,
  originOf,
  parseHashTile,
  pinInOrigin,
  treeHashesFrom,
} from '@bulla/crypto/log';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeTiledLog } from '@bulla/crypto/testing';
import type { LogForm } from './log-form.js';
import { logKeyPair } from './log-form.js';
import type { Handlers, Incoming } from './signed-service.js';

type TestMember = TestOrganisation['vault'];

export interface HeldEntry {
  leaf: string;
  evidence: { readonly base: string; readonly signature: string } | null;
}

/** What an entry is made of. */
export interface NewEntry<Act extends AuditAct = AuditAct> {
  readonly act: Act;
  readonly obj: AuditFacts<Act>;
  /** Who asked; the service itself unless given, or an owner for what no service does by itself. */
  readonly by?: Pick<TestMember, 'urn' | 'keyid' | 'signer'>;
  /** Where the request went: to the route that the act bears the name of, about what the entry says, unless given. */
  readonly to?: RequestTarget;
  /** Whom it asked by another name than the directory has for the service. */
  readonly authority?: string;
  /** Whether the service kept what they signed. */
  readonly keeps?: boolean;
}

/** Some days ago, on whatever day the tests run. */
const T = new Date(Date.now() - 8 * 86_400_000).toISOString();

/** The log of a service in memory, honest until it is told otherwise. */
export class HeldLog {
  readonly origin: string;
  readonly number: number;
  readonly entries: HeldEntry[] = [];
  /** What is signed; set by `sign`. */
  checkpoint: string | null = null;
  /** The tree as it was signed last: what is read of it later is what was there then. */
  files = new Map<string, Uint8Array<ArrayBuffer>>();
  head: TreeHead | undefined;
  /** What witnesses cosigned, as it was brought; undefined where the service knows no witnesses. */
  witnessed: string[] | undefined;
  /** Entries that are gone. */
  readonly gone = new Set<number>();
  /** Entries below are gone, and it says so. */
  pruned = 0;
  readonly #organisation: TestOrganisation;
  readonly #member: TestMember;
  key: Signer | undefined;
  /** The number whose key signs; its own unless a test says otherwise. */
  signsAs: number;
  #keyOf: number;
  readonly #form: LogForm;

  constructor(organisation: TestOrganisation, member: TestMember, number = 1, form: LogForm = 'old') {
    this.#form = form;
    this.signsAs = number;
    this.#keyOf = form === 'old' ? 1 : number;
    this.#organisation = organisation;
    this.#member = member;
    this.number = number;
    const pin = form === 'old' ? undefined : pinInOrigin(organisation.pin);
    this.origin = originOf({ urn: member.urn, number, pin });
  }

  /** As what the service does by itself: entries of which there may be any number. */
  async fill(count: number, t = T): Promise<this> {
    for (let at = 0; at < count; at++) await this.add({ act: 'kek.destroy', obj: { kek: at + 1 } }, t);
    return this;
  }

  /** Begins it, as every log begins. */
  async begin(before?: { origin: string; head: TreeHead }): Promise<this> {
    const said = before && { origin: before.origin, size: before.head.size, root: encodeBase64url(before.head.root) };
    await this.add({ act: 'log.begin', obj: { log: this.number, ...(said && { before: said }) } });
    return this;
  }

  /** Begins it as the service's next one: with the last note of each log before it, or null for one that never began. */
  async beginAfter(...before: (HeldLog | null)[]): Promise<this> {
    const said = before.map((log, at) => ({ log: at + 1, note: log && log.lastNote }));
    await this.add({ act: 'log.begin', obj: { log: this.number, before: said } });
    return this;
  }

  /** What a later log says of this one. */
  get lastNote() {
    if (this.head === undefined || this.checkpoint === null) throw new Error('nothing is signed yet');
    const line = this.checkpoint.slice(this.checkpoint.indexOf('\u2014')).trimEnd();
    return { origin: this.origin, size: this.head.size, root: encodeBase64url(this.head.root), line };
  }

  async add<Act extends AuditAct>(entry: NewEntry<Act>, t = T): Promise<HeldEntry> {
    const { act, obj, keeps = true, to = targetOfAct(act, obj, this.#organisation.org) } = entry;
    const asker = actorsOf(act).has('service') ? undefined : this.#organisation.owner;
    const by = 'by' in entry ? entry.by : asker;
    const signed = by && to && (await signedRequest(to, by, entry.authority ?? this.#authority));
    const who = by === undefined ? { type: 'service' } : { type: 'device', kid: by.signer.kid };
    const event = { v: 1, who, act, res: 'ok', obj, ...(signed && { req: signed.nonce, ev: signed.ev }) };
    const stamp = { id: mintId('aud'), t, org: this.#organisation.org };
    const leaf = encodeLeaf(stamp, event as unknown as AuditEvent);
    const held: HeldEntry = { leaf, evidence: signed !== undefined && keeps ? signed.evidence : null };
    this.entries.push(held);
    return held;
  }

  /** Signs what is there. */
  async sign(): Promise<TreeHead> {
    const { head, files } = await makeTiledLog(
      this.entries.map(({ leaf }) => utf8(leaf)),
      await this.#signer(),
    );
    this.files = files;
    this.head = head;
    this.checkpoint = new TextDecoder().decode(files.get('checkpoint'));
    return head;
  }

  /** Where the directory says that the service is. */
  get #authority(): string {
    const entity = this.#organisation.trust.directory.entities[this.#member.urn];
    if (entity === undefined || !('url' in entity) || entity.url === undefined) throw new Error('it has no address');
    return new URL(entity.url).host;
  }

  async #signer(): Promise<NoteSigner> {
    const number = this.#form === 'old' ? 1 : this.signsAs;
    const own = this.#member.keyFile.keys.find((key) => 'log' in key && key.log === number);
    const jwk = own === undefined ? (await logKeyPair(this.#member, number)).privateJwk : privateJwkOf(own);
    if (this.#keyOf !== number) this.key = undefined;
    this.#keyOf = number;
    this.key ??= await loadSigner(jwk, 'Ed25519');
    return { key: await noteKeyOf(this.origin, this.key.publicJwk), signer: this.key };
  }
}

/** What a service answers of its logs. */
export function logHandlers(logs: () => readonly HeldLog[]): Handlers {
  let unchecked = 2;
  const logOf = ({ query }: Incoming): HeldLog => {
    const log = query.get('log');
    const found = log === null ? logs().at(-1) : logs().find(({ number }) => number === Number(log));
    if (found === undefined) throw new Problem('not_found');
    return found;
  };
  const recordOf = (log: HeldLog, index: number) => {
    const entry = log.entries[index];
    if (entry === undefined || log.gone.has(index) || index < log.pruned) throw new Problem('not_found');
    return { index, at: T, leaf: entry.leaf, evidence: entry.evidence };
  };
  return {
    'audit.checkpoint': () => ({
      body: {
        data: logs().map(({ number, origin, checkpoint, pruned, witnessed }) => ({
          log: number,
          origin,
          checkpoint,
          first: pruned,
          ...(witnessed && { witnessed }),
        })),
      },
    }),
    'audit.cosign': ({ body }) => {
      const { checkpoint } = body as { checkpoint: string };
      const log = logs().at(-1);
      if (log === undefined) throw new Problem('not_found');
      log.witnessed = [...(log.witnessed ?? []), checkpoint];
      return { body: { log: log.number, kept: [] } };
    },
    'audit.list': (incoming) => {
      const log = logOf(incoming);
      const { query } = incoming;
      const [from, object, act, actor] = ['from', 'object', 'act', 'actor'].map((name) => query.get(name));
      const fits = log.entries
        .map((entry, index) => ({ index, at: T, leaf: entry.leaf }))
        .filter(({ leaf }) => [object, act, actor].every((text) => text === null || leaf.includes(`"${text ?? ''}"`)));
      const ordered = from === null ? fits.toReversed() : fits.filter(({ index }) => index >= Number(from));
      const start = Number(query.get('cursor') ?? 0);
      const end = start + Number(query.get('limit'));
      return { body: { data: ordered.slice(start, end), next_cursor: end < ordered.length ? String(end) : null } };
    },
    'audit.get': (incoming) => ({ body: recordOf(logOf(incoming), Number(incoming.params['index'])) }),
    'audit.bundle': (incoming) => {
      const [index, width] = [Number(incoming.params['index']), Number(incoming.query.get('width') ?? 256)];
      const log = logOf(incoming);
      return { body: { data: Array.from({ length: width }, (_, at) => recordOf(log, index * 256 + at)) } };
    },
    'audit.erase': (incoming) => {
      const log = logOf(incoming);
      const actor = incoming.query.get('actor') ?? '';
      const found = log.entries.filter(({ leaf, evidence }) => evidence !== null && leaf.includes(`"kid":"${actor}"`));
      const some = found.slice(0, 2);
      for (const entry of some) entry.evidence = null;
      return { body: { erased: some.length, below: log.entries.length, more: found.length > some.length } };
    },
    'audit.set-aside': () => ({ body: { items: 1, more: unchecked-- > 1 } }),
    'audit.tile': (incoming) => {
      const { params, query } = incoming;
      const width = Number(query.get('width') ?? 256);
      const path = `tile/${params['level'] ?? ''}/${(params['index'] ?? '').padStart(3, '0')}`;
      const log = logOf(incoming);
      // As many as are asked for, of a tile that has as many or more.
      const wider = Array.from({ length: 257 - width }, (_, more) => width + more);
      const found = wider.find((one) => log.files.has(one === 256 ? path : `${path}.p/${one}`));
      const bytes = log.files.get(found === 256 ? path : `${path}.p/${found ?? 0}`);
      if (found === undefined || bytes === undefined) throw new Problem('not_found');
      const hashes = parseHashTile(bytes, found).slice(0, width);
      return { body: { hashes: encodeBase64url(concatBytes(...hashes)) } };
    },
    'audit.prove': async (incoming) => {
      const log = logOf(incoming);
      const [size, entry, older] = ['size', 'entry', 'older'].map((name) => incoming.query.get(name));
      if (Number(size) > log.entries.length) throw new Problem('not_found');
      const { files } = await makeTiledLog(
        log.entries.map(({ leaf }) => utf8(leaf)),
        await anySigner(log),
      );
      const read = treeHashesFrom((path) => Promise.resolve(files.get(path)), log.entries.length);
      const inclusion = entry === null ? undefined : await makeInclusionProof(Number(entry), Number(size), read);
      const consistency = older === null ? undefined : await makeConsistencyProof(Number(older), Number(size), read);
      return {
        body: {
          ...(inclusion && { inclusion: inclusion.map(encodeBase64url) }),
          ...(consistency && { consistency: consistency.map(encodeBase64url) }),
        },
      };
    },
  };
}

async function anySigner({ origin, key }: HeldLog): Promise<NoteSigner> {
  if (key === undefined) throw new Error('nothing is signed yet');
  return { key: await noteKeyOf(origin, key.publicJwk), signer: key };
}

/** What a request is for. */
export interface RequestTarget {
  readonly method: string;
  /** With its query, if it has one. */
  readonly target: string;
}

/** The request that somebody sends for just this; undefined for an act of which there is no such route. */
export function targetOfAct(act: AuditAct, obj: object, org: string): RequestTarget | undefined {
  const [name] = routesOf(act);
  const fit = name && fitOf(act, name);
  if (name === undefined || fit === undefined) return undefined;
  const facts = { ...obj, org } as Readonly<Record<string, string | number | undefined>>;
  const filled = (named: Readonly<Record<string, string | null>> = {}) =>
    Object.fromEntries(Object.entries(named).map(([part, member]) => [part, String(facts[member ?? ''] ?? 0)]));
  return { method: ROUTES[name].method, target: targetOf(name, filled(fit.path) as never, filled(fit.query) as never) };
}

/** What somebody signs who sends such a request, as the service keeps it. */
export async function signedRequest(
  { method, target }: RequestTarget,
  { keyid, signer }: Pick<TestMember, 'keyid' | 'signer'>,
  authority: string,
) {
  const nonce = encodeBase64url(crypto.getRandomValues(new Uint8Array(16)));
  const [path = '', query = ''] = target.split('?');
  const isSent = method === 'POST' || method === 'PUT';
  const headers = isSent ? { 'content-type': 'application/json', 'idempotency-key': mintId('env') } : {};
  const request = {
    method,
    authority,
    path,
    query: `?${query}`,
    header: (name: string) => (headers as Record<string, string | undefined>)[name],
    ...(isSent && { body: utf8('{}') }),
  };
  let base = '';
  const recording: Signer = {
    ...signer,
    kid: signer.kid,
    alg: signer.alg,
    publicJwk: signer.publicJwk,
    sign: (bytes) => {
      base = new TextDecoder().decode(bytes);
      return signer.sign(bytes);
    },
  };
  const fields = await signRequest(request, { keyid, signer: recording, now: 1_790_000_000, nonce });
  const [, encoded = ''] = /^bulla=:(.*):$/.exec(fields['signature'] ?? '') ?? [];
  const signature = new Uint8Array(Buffer.from(encoded, 'base64'));
  const ev = await digestB64u(concatBytes(utf8(base), signature));
  return { nonce, ev, evidence: { base, signature: encodeBase64url(signature) } };
}
