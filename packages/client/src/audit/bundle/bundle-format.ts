import { LogOrigin } from '@bulla/contract';
import type { LogName } from '@bulla/crypto/log';
import type { Bytes, Trust } from '@bulla/crypto';
import { CryptoError, decodeUtf8, strictParse, utf8 } from '@bulla/crypto';
import * as z from 'zod';
import type { EntryEvidence } from '../log-source.js';

/** What is in a folder of exported logs (docs/spec/audit-log.md). Paths have `/` whatever the system has. */

/** Where one log lies, in the layout of C2SP tlog-tiles. */
const BundledLog = z.strictObject({
  path: z.string().regex(/^logs\/[a-z0-9-]{1,80}$/),
  origin: LogOrigin,
  urn: z.string().regex(/^urn:bulla:[a-z0-9:-]{1,200}$/),
});
/** `bundle.json`: whose logs these are, and where each lies. */
export const BundleIndex = z.strictObject({
  v: z.literal(1),
  org: z.string().regex(/^[a-z0-9-]{1,64}$/),
  /** What the documents were verified by when this was made; who verifies brings their own. */
  pin: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  /** RFC 3339. */
  made: z.string().regex(/^[0-9TZ:.-]{20,24}$/),
  logs: z.array(BundledLog).max(1_000),
});
export type BundleIndex = z.infer<typeof BundleIndex>;

/** One line of the evidence of a tile. */
const EvidenceLine = z.strictObject({
  index: z.int().min(0),
  base: z.string().min(1).max(24_576),
  signature: z.string().regex(/^[A-Za-z0-9_-]{1,1024}$/),
});

/** A base, spelt as JSON, and what stands around it. */
const LINE_BYTES_MAX = 65_536;
export const INDEX_PATH = 'bundle.json';

/** The evidence of one tile: a line of JSON for each entry that has any, in their order. */
export function encodeEvidence(evidence: ReadonlyMap<number, EntryEvidence>): Bytes {
  const lines = [...evidence].map(([index, { base, signature }]) => JSON.stringify({ index, base, signature }));
  return utf8(lines.map((line) => `${line}\n`).join(''));
}

/** @throws {CryptoError} token_malformed */
export function parseEvidence(bytes: Uint8Array): Map<number, EntryEvidence> {
  const found = new Map<number, EntryEvidence>();
  for (const line of decodeUtf8(bytes).split('\n')) {
    if (line === '') continue;
    const read = EvidenceLine.safeParse(strictParse(utf8(line), { maxBytes: LINE_BYTES_MAX }));
    if (!read.success) throw new CryptoError('token_malformed', 'not a line of evidence', { check: 'entry-evidence' });
    const { index, ...evidence } = read.data;
    found.set(index, evidence);
  }
  return found;
}

/** Folder of a log: `logs/vault-1`, `logs/responder-local-1`. */
export function logPath({ urn, number }: LogName): string {
  const [, id = ''] = /:svc:(.*)$/.exec(urn) ?? [];
  return `logs/${id.replaceAll(':', '-')}-${number}`;
}

/** Evidence of the entries of one tile, below the folder of its log. */
export function evidencePath(tile: number): string {
  return `evidence/${tile}.ndjson`;
}

export function rootPath(version: number): string {
  return `trust/root-${version}.json`;
}

export function policyPath(version: number): string {
  return `trust/policy-${version}.json`;
}

export function directoryPath(version: number): string {
  return `trust/directory-${version}.json`;
}

/** The documents of a trust, by path. */
export function documentFiles({ documents, policy, directory }: Trust): [path: string, text: string][] {
  return [
    ...documents.roots.map((root, at): [string, string] => [rootPath(at + 1), root]),
    [policyPath(policy.version), documents.policy],
    [directoryPath(directory.version), documents.directory],
  ];
}
