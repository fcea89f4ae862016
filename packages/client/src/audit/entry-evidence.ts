import type { AuditLeaf, RouteName } from '@bulla/contract';
import { routeOf } from '@bulla/contract';
import type { KeyRecord, Trust } from '@bulla/crypto';
import { concatBytes, CryptoError, decodeBase64url, digestB64u, isSignatureOf, urnOf, utf8 } from '@bulla/crypto';
import type { EntryEvidence } from './log-source.js';

/** What was found of who asked for what an entry says. */
export type EvidenceFinding =
  /** The caller signed it. */
  | 'signed'
  /** Nobody signed a request for it. */
  | 'none'
  /** It names evidence that is not at hand. */
  | 'absent'
  /** No directory at hand lists the key. */
  | 'key-unknown';

/** Acts that a request of another name can bring about: a push makes the prompt and moves labels, a run ends itself. */
const BROUGHT_BY: Readonly<Record<string, RouteName>> = {
  'prompt.create': 'version.create',
  'label.move': 'version.create',
  'invocation.finish': 'invocation.run',
};
const API = '/api/v1/';
type Asked = Extract<AuditLeaf, { who: unknown }>;

const METHOD = /^"@method": ([A-Z]+)$/m;
const PATH = /^"@path": (\S+)$/m;
const PARAMS = /"@signature-params": (.*)$/;

/**
 * Whether the caller whom an entry names signed a request for just this: the evidence is the one whose hash is in the
 * entry, signed by the key that it names, with its nonce, and on a request of the route that the act bears the name of.
 * @param trusts verified directories; the key counts if any of them lists it, since nothing here says when it signed.
 * @throws {CryptoError} signature_invalid (entry-evidence) where evidence is there and is not that
 */
export async function checkEvidence(
  leaf: AuditLeaf,
  evidence: EntryEvidence | undefined,
  trusts: readonly Trust[],
): Promise<EvidenceFinding> {
  if (!('ev' in leaf) || leaf.ev === undefined) return 'none';
  if (evidence === undefined) return 'absent';
  const [base, signature] = [utf8(evidence.base), decodeBase64url(evidence.signature)];
  // guard: audit-evidence-hash
  if ((await digestB64u(concatBytes(base, signature))) !== leaf.ev)
    throw refused('its evidence is not the one whose hash it holds');
  if (!('kid' in leaf.who)) throw refused('it has evidence, and names no key');
  const holder = holderIn(trusts, leaf.who.kid);
  if (holder === undefined) return 'key-unknown';
  const { urn, record } = holder;
  // guard: audit-evidence-signature
  if (!(await isSignatureOf(record, base, signature))) throw refused('its evidence is not signed by the key it names');
  const params = PARAMS.exec(evidence.base)?.[1] ?? '';
  // guard: audit-evidence-key
  if (!keyidsOf(leaf, urn, record.kid).some((keyid) => params.includes(`;keyid="${keyid}";`)))
    throw refused('its evidence names another key');
  // guard: audit-evidence-nonce
  if (leaf.req === undefined || !params.includes(`;nonce="${leaf.req}";`))
    throw refused('its evidence is of another request');
  // guard: audit-evidence-act
  if (!isOfAct(evidence.base, leaf.act)) throw refused('its evidence is a request for something else');
  return 'signed';
}

/** A newcomer signs with the key that the directory lists later, under the name of its request. */
function keyidsOf({ who, obj, org }: Asked, urn: string, kid: string): string[] {
  if (who.type !== 'enrolment') return [`${urn}#${kid}`];
  return 'enrolment' in obj ? [`${urnOf(org, 'enr', obj.enrolment)}#${kid}`] : [];
}

function isOfAct(base: string, act: string): boolean {
  const [method = '', path = ''] = [METHOD.exec(base)?.[1], PATH.exec(base)?.[1]];
  // The address of a service may have a path of its own before that of the route.
  const name = routeOf(method, path.slice(Math.max(path.lastIndexOf(API), 0)))?.name;
  return name !== undefined && (name === act || name === BROUGHT_BY[act]);
}

function holderIn(
  trusts: readonly Trust[],
  kid: string,
): { readonly urn: string; readonly record: KeyRecord } | undefined {
  for (const trust of trusts) {
    const holder = trust.holder(kid);
    if (holder !== undefined) return holder;
  }
  return undefined;
}

function refused(message: string): CryptoError {
  return new CryptoError('signature_invalid', message, { check: 'entry-evidence' });
}
