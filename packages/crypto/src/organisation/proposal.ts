import * as z from '#zod';
import { digestB64u, utf8 } from '../encoding/bytes.js';
import { checkShape } from '../encoding/schema.js';
import { strictParse } from '../encoding/strict-parse.js';
import { CryptoError } from '../names/errors.js';
import { idPattern } from '../names/patterns.js';
import { isVisibleName } from '../names/visible-name.js';
import { hashSchema, versionSchema } from '../tokens/claims.js';
import type { DocumentPayload, ParsedDocument } from '../tokens/document.js';
import { signDocument } from '../tokens/document.js';
import { timestampSchema } from '../tokens/document-times.js';
import type { DirectoryDocument } from './directory.js';
import type { DirectoryHashes } from './directory-chain.js';
import { parseDirectory } from './directory.js';
import type { PolicyDocument } from './policy.js';
import { parsePolicy } from './policy.js';
import type { RootDocument } from './root.js';
import { orgSchema, parseRoot } from './root.js';
import type { TrustDocuments } from './trust-documents.js';

/** Largest file: what it stands on and what comes next, each with a directory of the largest size. */
export const PROPOSAL_MAX_BYTES = 16 * 1024 * 1024;
const ROOTS_MAX = 256;
/** As many hashes of directories as somebody may lack who was away. */
const HASHES_MAX = 36_500;
const LINE_MAX = 500;

const lineSchema = z.string().check(
  z.minLength(1),
  z.maxLength(LINE_MAX),
  // guard: proposal-line
  z.refine(isVisibleName),
);
const seenSchema = z.strictObject({ version: versionSchema, hash: hashSchema });

/** proposal: what comes next, on its way to those who must sign it (protocol.md A21, docs/spec/proposal.md). */
const proposalSchema = z.strictObject({
  _type: z.literal('bulla-proposal'),
  v: z.literal(1),
  org: orgSchema,
  /** Who began it, and why, in their own words: nobody vouches for either. */
  by: lineSchema,
  why: lineSchema,
  at: timestampSchema,
  /** What it stands on. */
  base: z.strictObject({ root: seenSchema, policy: seenSchema, directory: seenSchema }),
  /** The same as tokens, for a signer without a network. */
  documents: z.strictObject({
    roots: z.array(z.string()).check(z.minLength(1), z.maxLength(ROOTS_MAX)),
    policy: z.string(),
    directory: z.string(),
  }),
  /** Hashes of directories up to the one before the base, for a signer who was away. */
  hashes: z.optional(
    z.strictObject({ from: versionSchema, hashes: z.array(hashSchema).check(z.maxLength(HASHES_MAX)) }),
  ),
  /** Documents as they are published, with the signatures so far. */
  next: z.strictObject({ root: z.optional(z.string()), policy: z.optional(z.string()), directory: z.string() }),
  /** The request to come in that the directory answers. */
  enrolment: z.optional(z.string().check(z.regex(idPattern('enr')))),
});
type ProposalFile = z.infer<typeof proposalSchema>;

/** What comes next: a directory always, since nothing takes effect without one. */
export interface NextDocuments {
  readonly root: ParsedDocument<RootDocument> | undefined;
  readonly policy: ParsedDocument<PolicyDocument> | undefined;
  readonly directory: ParsedDocument<DirectoryDocument>;
}

/** A proposal whose form is right; whether it fits what is trusted is open. */
export interface Proposal extends Omit<ProposalFile, '_type' | 'v' | 'next'> {
  readonly next: NextDocuments;
  /** base64url SHA-256 of what is proposed, whoever signed it: by this a signer names it. */
  readonly hash: string;
}

/** What a proposal is made of: payloads that nobody signed yet, or documents with the signatures that they have. */
export interface ProposalParts extends Omit<ProposalFile, '_type' | 'v' | 'next' | 'documents' | 'hashes'> {
  readonly documents: TrustDocuments;
  readonly hashes?: DirectoryHashes | undefined;
  readonly next: {
    readonly root?: RootDocument | string | undefined;
    readonly policy?: PolicyDocument | string | undefined;
    readonly directory: DirectoryDocument | string;
  };
}

/**
 * Writes a proposal.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export async function composeProposal({ next, ...parts }: ProposalParts): Promise<string> {
  const unsigned = (one: DocumentPayload | string) => (typeof one === 'string' ? one : signDocument(one, []));
  return write(parts, {
    ...(next.root && { root: await unsigned(next.root) }),
    ...(next.policy && { policy: await unsigned(next.policy) }),
    directory: await unsigned(next.directory),
  });
}

/** The same proposal with other tokens of its documents: with a signature more. */
export function rewriteProposal(proposal: Proposal, tokens: ProposalFile['next']): string {
  const { next: _next, hash: _hash, ...parts } = proposal;
  return write(parts, tokens);
}

function write(parts: Omit<ProposalParts, 'next'>, next: ProposalFile['next']): string {
  const { org, by, why, at, base, documents, hashes, enrolment } = parts;
  const { roots, policy, directory } = documents;
  const file: ProposalFile = {
    _type: 'bulla-proposal',
    v: 1,
    org,
    by,
    why,
    at,
    base,
    documents: { roots: [...roots], policy, directory },
    ...(hashes && { hashes: { from: hashes.from, hashes: [...hashes.hashes] } }),
    next,
    ...(enrolment !== undefined && { enrolment }),
  };
  return `${JSON.stringify(file)}\n`;
}

/**
 * Reads a proposal without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large, key_invalid
 */
export async function parseProposal(text: string): Promise<Proposal> {
  const value = strictParse(utf8(text.trimEnd()), { maxBytes: PROPOSAL_MAX_BYTES });
  const { _type, v: _v, next: tokens, ...file } = checkShape(value, proposalSchema, 'proposal');
  const next: NextDocuments = {
    root: tokens.root === undefined ? undefined : await parseRoot(tokens.root, 'proposed'),
    policy: tokens.policy === undefined ? undefined : await parsePolicy(tokens.policy, 'proposed'),
    directory: await parseDirectory(tokens.directory, 'proposed'),
  };
  // guard: proposal-whole
  if (next.root !== undefined && next.policy === undefined)
    throw new CryptoError('token_malformed', 'a root is proposed with its policy and directory');
  return { ...file, next, hash: await proposalHash(next) };
}

/** What a signer agrees to: every payload, and that there is no other. */
function proposalHash({ root, policy, directory }: NextDocuments): Promise<string> {
  const named = [root?.hash ?? '', policy?.hash ?? '', directory.hash];
  return digestB64u(utf8(JSON.stringify(['bulla proposal', ...named])));
}

/**
 * One proposal of copies of it that different people signed.
 * @throws {CryptoError} token_malformed (proposal-merge) where they are not copies of one; as parseProposal
 */
export async function mergeProposals(texts: readonly string[]): Promise<string> {
  const [first, ...others] = await Promise.all(texts.map((text) => parseProposal(text)));
  if (first === undefined) throw notOne();
  // guard: proposal-merge
  for (const { hash, base } of others)
    if (hash !== first.hash || JSON.stringify(base) !== JSON.stringify(first.base)) throw notOne();
  const merged = (kind: keyof NextDocuments): string | undefined => {
    const copies = [first, ...others].flatMap(({ next }) => next[kind] ?? []);
    const signatures = new Map(copies.flatMap((copy) => copy.signatures).map((one) => [one.kid, one]));
    const [copy] = copies;
    if (copy === undefined) return undefined;
    const kept = [...signatures.values()].map((one) => ({ protected: one.protected, signature: one.signature }));
    return JSON.stringify({ payload: copy.encoded, signatures: kept });
  };
  const { root, policy } = { root: merged('root'), policy: merged('policy') };
  return rewriteProposal(first, {
    ...(root !== undefined && { root }),
    ...(policy !== undefined && { policy }),
    directory: merged('directory') ?? first.next.directory.token,
  });
}

function notOne(): CryptoError {
  return new CryptoError('token_malformed', 'these are not copies of one proposal', { check: 'proposal-merge' });
}
