import type { AuditLeaf } from '@bulla/contract';
import type { KeyRecord, Trust } from '@bulla/crypto';
import { concatBytes, decodeBase64url, digestB64u, isSignatureOf, urnOf, utf8 } from '@bulla/crypto';
import type { AskedLeaf } from './entry-fit.js';
import { requireFit } from './entry-fit.js';
import type { EntryEvidence } from '../log-source.js';
import { misfit } from './misfit.js';
import type { ServiceAddresses } from './service-addresses.js';

/** What was found of who asked for what an entry says. */
export type EvidenceFinding =
  /** The caller signed it. */
  | 'signed'
  /** An owner did. */
  | 'signed-by-owner'
  /** Nobody signed a request for it. */
  | 'none'
  /** It names evidence that is not at hand. */
  | 'absent'
  /** No directory at hand lists the key. */
  | 'key-unknown';

interface Holder {
  readonly urn: string;
  readonly record: KeyRecord;
  readonly trust: Trust;
}

const PARAMS = /"@signature-params": (.*)$/;

/**
 * Whether the caller whom an entry names signed a request for just this: the evidence is the one whose hash is in the
 * entry, signed by the key that it names, with its nonce, and a request that brings about what the entry says.
 * @param trusts verified directories; the key counts if any of them lists it, since nothing here says when it signed.
 * @param addresses by the same directories, as the service sees them whose log it is.
 * @throws {CryptoError} signature_invalid (entry-evidence) where evidence is there and is not that
 */
export async function checkEvidence(
  leaf: AuditLeaf,
  evidence: EntryEvidence | undefined,
  trusts: readonly Trust[],
  addresses: ServiceAddresses,
): Promise<EvidenceFinding> {
  if (!('ev' in leaf) || leaf.ev === undefined) return 'none';
  if (!('kid' in leaf.who)) throw misfit('it has evidence, and names no key');
  if (evidence === undefined) return 'absent';
  const [base, signature] = [utf8(evidence.base), decodeBase64url(evidence.signature)];
  // guard: audit-evidence-hash
  if ((await digestB64u(concatBytes(base, signature))) !== leaf.ev)
    throw misfit('its evidence is not the one whose hash it holds');
  const holder = holderIn(trusts, leaf.who.kid);
  if (holder === undefined) return 'key-unknown';
  const { urn, record, trust } = holder;
  // guard: audit-evidence-signature
  if (!(await isSignatureOf(record, base, signature))) throw misfit('its evidence is not signed by the key it names');
  // guard: audit-evidence-kind
  if (leaf.who.type !== 'enrolment' && trust.entity(urn)?.kind !== leaf.who.type)
    throw misfit(`its evidence is signed by something else than a ${leaf.who.type}`);
  const params = PARAMS.exec(evidence.base)?.[1] ?? '';
  // guard: audit-evidence-key
  if (!keyidsOf(leaf, urn, record.kid).some((keyid) => params.includes(`;keyid="${keyid}";`)))
    throw misfit('its evidence names another key');
  // guard: audit-evidence-nonce
  if (leaf.req === undefined || !params.includes(`;nonce="${leaf.req}";`))
    throw misfit('its evidence is of another request');
  requireFit(leaf, evidence.base, addresses);
  return trusts.some((one) => one.holder(record.kid)?.urn === urn && one.hasRole(urn, 'owner'))
    ? 'signed-by-owner'
    : 'signed';
}

/** A newcomer signs with the key that the directory lists later, under the name of its request. */
function keyidsOf({ who, obj, org }: AskedLeaf, urn: string, kid: string): string[] {
  if (who.type !== 'enrolment') return [`${urn}#${kid}`];
  return 'enrolment' in obj ? [`${urnOf(org, 'enr', obj.enrolment)}#${kid}`] : [];
}

function holderIn(trusts: readonly Trust[], kid: string): Holder | undefined {
  for (const trust of trusts) {
    const holder = trust.holder(kid);
    if (holder !== undefined) return { urn: holder.urn, record: holder.record, trust };
  }
  return undefined;
}
