import type { DirectoryDocument, PolicyDocument, RootDocument, Signer } from '@bulla/crypto';
import {
  generateKeyPair,
  loadSigner,
  nextChain,
  parseDirectory,
  parsePolicy,
  parseRoot,
  signDocument,
  timestampOf,
} from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';

/** A signed document with what it says, as its maker knows it. */
export interface Doc<Payload> {
  readonly token: string;
  readonly payload: Payload;
  readonly hash: string;
  readonly signer: string;
}

/** What an organisation had published at a time. */
export interface State {
  readonly line: Line;
  readonly at: number;
  readonly roots: readonly Doc<RootDocument>[];
  readonly policy: Doc<PolicyDocument>;
  readonly directory: Doc<DirectoryDocument>;
}

/** What changes from one state to the next; what is not named stays as it is, with new dates where it is signed anew. */
export interface Change {
  /** Another root, with another key for the directory where that is asked for. */
  readonly root?: { readonly profile?: RootDocument['profile']; readonly newDirectoryKey?: boolean };
  readonly policy?: (draft: PolicyDocument) => void;
  readonly directory?: (draft: DirectoryDocument) => void;
}

const DAY = 86_400;
const lasting = (at: number, days: number) => ({ issued: timestampOf(at), expires: timestampOf(at + days * DAY) });

/** An organisation and what it published, one state after the other. */
export class Line {
  readonly organisation: TestOrganisation;
  readonly states: State[];
  #directorySigner: Signer;

  private constructor(organisation: TestOrganisation, first: (line: Line) => State, signer: Signer) {
    this.organisation = organisation;
    this.#directorySigner = signer;
    this.states = [first(this)];
  }

  static async start(organisation: TestOrganisation): Promise<Line> {
    const { trust, documents, now, signers } = organisation;
    const [rootSigner] = signers.root;
    const [policySigner] = signers.policy;
    const [directorySigner] = signers.directory;
    if (!rootSigner || !policySigner || !directorySigner) throw new Error('a role has no key');
    const root = { token: documents.roots[0] ?? '', payload: trust.root, hash: '', signer: rootSigner.kid };
    const policy = { token: documents.policy, payload: trust.policy, hash: trust.directory.policy.hash };
    const directory = { token: documents.directory, payload: trust.directory, hash: trust.directoryRef.hash };
    const first = (line: Line): State => ({
      line,
      at: now,
      roots: [root],
      policy: { ...policy, signer: policySigner.kid },
      directory: { ...directory, signer: directorySigner.kid },
    });
    return new Line(organisation, first, directorySigner);
  }

  get newest(): State {
    return this.states.at(-1) as State;
  }

  /** Publishes what comes next. */
  async publish(at: number, change: Change): Promise<State> {
    const before = this.newest;
    const roots = change.root === undefined ? before.roots : [...before.roots, await this.#nextRoot(at, change.root)];
    return this.#add(await this.#after(before, at, change, roots, this.#directorySigner));
  }

  /** What somebody makes of a state with the key of its directory, whatever became of that key: nobody published it. */
  steal(of: State, at: number, change: Change = {}): Promise<State> {
    const signer = this.#signers.get(of.directory.signer) ?? this.#directorySigner;
    return this.#after(of, at, change, of.roots, signer);
  }

  readonly #signers = new Map<string, Signer>();

  async #after(
    before: State,
    at: number,
    change: Change,
    roots: State['roots'],
    directorySigner: Signer,
  ): Promise<State> {
    this.#signers.set(directorySigner.kid, directorySigner);
    const rootVersion = roots.length;
    const policy =
      change.policy === undefined && change.root === undefined
        ? before.policy
        : await this.#nextPolicy(before.policy, at, rootVersion, change.policy);
    const { payload, hash } = before.directory;
    const draft: DirectoryDocument = {
      ...structuredClone(payload),
      version: payload.version + 1,
      root_version: rootVersion,
      prev: hash,
      chain: await nextChain(payload.chain ?? '', hash),
      policy: { version: policy.payload.version, hash: policy.hash },
      ...lasting(at, 90),
    };
    change.directory?.(draft);
    const token = await signDocument(draft, [directorySigner]);
    const signed = { token, payload: draft, hash: (await parseDirectory(token)).hash, signer: directorySigner.kid };
    return { line: this, at, roots, policy, directory: signed };
  }

  async #nextRoot(
    at: number,
    { profile, newDirectoryKey = false }: NonNullable<Change['root']>,
  ): Promise<Doc<RootDocument>> {
    const before = this.newest.roots.at(-1)?.payload as RootDocument;
    const draft = structuredClone(before);
    Object.assign(draft, { version: before.version + 1, ...lasting(at, 365), ...(profile && { profile }) });
    if (newDirectoryKey) {
      const { kid, publicJwk, privateJwk } = await generateKeyPair('ed25519', 'sig');
      draft.keys[kid] = { jwk: publicJwk, alg: 'Ed25519' };
      draft.roles.directory = { kids: [kid], threshold: 1 };
      this.#signers.set(this.#directorySigner.kid, this.#directorySigner);
      this.#directorySigner = await loadSigner(privateJwk, 'Ed25519');
    }
    const [signer] = this.organisation.signers.root;
    if (signer === undefined) throw new Error('root has no key');
    const token = await signDocument(draft, [signer]);
    return { token, payload: draft, hash: (await parseRoot(token)).hash, signer: signer.kid };
  }

  async #nextPolicy(
    before: Doc<PolicyDocument>,
    at: number,
    rootVersion: number,
    change?: (draft: PolicyDocument) => void,
  ): Promise<Doc<PolicyDocument>> {
    const { payload, hash } = before;
    const draft = { ...structuredClone(payload), version: payload.version + 1, prev: hash, root_version: rootVersion };
    Object.assign(draft, lasting(at, 365));
    change?.(draft);
    const [signer] = this.organisation.signers.policy;
    if (signer === undefined) throw new Error('policy has no key');
    const token = await signDocument(draft, [signer]);
    return { token, payload: draft, hash: (await parsePolicy(token)).hash, signer: signer.kid };
  }

  #add(state: State): State {
    this.states.push(state);
    return state;
  }
}
