import type { DirectoryDocument, Signer, Trust } from '@bulla/crypto';
import { fingerprint, keyState, lastsAsLong, parseDirectoryFreshness, urnOf } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { serviceAt } from '../connection/session.js';
import { custodyUnder } from '../prompts/custody.js';
import { grantsOf } from '../prompts/grants-of.js';
import type { Prompts } from '../prompts/prompts.js';
import { retireKeys } from '../trust/next-directory.js';
import { publishNextDirectory } from '../trust/publish-directory.js';
import type { ServiceKind } from '../trust/services.js';
import { serviceKindOf } from '../trust/services.js';

/** What it would mean that the older keys of a service sign no more, and that nothing more is sealed to them. */
export interface RetirementPlan {
  /** Its URN. */
  readonly service: string;
  readonly kind: ServiceKind;
  readonly older: readonly OlderKey[];
  /**
   * Versions that an older key opens and the newest does not: nobody could run them any more. By the vault's list. Those of
   * managed names do not count: the vault seals them to the newest itself.
   */
  readonly lacking: readonly { readonly name: string; readonly version: number }[];
}

/** A key of a service that has a newer one beside it. */
export interface OlderKey {
  readonly kid: string;
  /** `kid` of the newest that does the same. */
  readonly newest: string;
  readonly use: 'sig' | 'enc';
}

/**
 * Looks at the keys of a service, at what it signs with, and at every version that it can open.
 * @throws {BullaError} not_found if the directory lists no such vault, responder or renewer, or its only key has ended;
 *   forbidden to whom the vault does not show grants, or a service its log; validation_failed if it still signs with an
 *   older key
 */
export async function planRetirement(session: Session, prompts: Prompts, service: string): Promise<RetirementPlan> {
  const trust = await session.keeper.refresh();
  const kind = serviceKindOf(trust.entity(service));
  if (kind === undefined)
    throw bullaError('not_found', {
      message: `the directory lists no vault, responder or renewer ${service}`,
      origin: 'client',
    });
  const signing = (['http', 'fresh'] as const).flatMap((purpose) => olderKeys(session, trust, service, purpose));
  const sealedTo = olderKeys(session, trust, service, 'unwrap');
  const plan = { service, kind, older: [...signing, ...sealedTo] };
  if (signing.length > 0) await requireSwitched(session, trust, plan);
  return { ...plan, lacking: await versionsWithout(session, trust, prompts, sealedTo) };
}

/** Of those that sign or are sealed to now, all but the newest. */
function olderKeys(session: Session, trust: Trust, urn: string, purpose: 'http' | 'fresh' | 'unwrap'): OlderKey[] {
  const [newest, ...older] = trust.activeKeys(urn, purpose, session.now()).map(({ record }) => record);
  return older.flatMap(({ kid, use }) => (newest === undefined ? [] : [{ kid, newest: newest.kid, use }]));
}

/** A service that signs with a key that ends is believed by nobody any more. */
async function requireSwitched(
  session: Session,
  trust: Trust,
  { service, kind, older }: Pick<RetirementPlan, 'service' | 'kind' | 'older'>,
): Promise<void> {
  if (kind === 'renewer') return requireSaid(session, trust, service);
  const signs = await session.transport.signsWith(serviceAt(session, trust, service), trust);
  // guard: retire-signs
  if (older.some(({ kid }) => kid === signs))
    throw bullaError('validation_failed', {
      message: `${service} still signs with ${fingerprint(signs)}: put the file with its new key where BULLA_KEYS_FILE says, and wait for \`keys-taken\` in its log`,
      origin: 'client',
    });
}

/** A renewer answers nobody; what it says of the newest directory shows which key it has. */
function requireSaid(session: Session, trust: Trust, renewer: string): void {
  const [newest] = trust.activeKeys(renewer, 'fresh', session.now());
  const words = trust.freshness.fresh.map((word) => parseDirectoryFreshness(word));
  const said = words.find(({ claims }) => claims.iss === renewer)?.header.kid;
  // guard: retire-renewer
  if (said === undefined || said !== newest?.record.kid)
    throw bullaError('validation_failed', {
      message: `${renewer} ${said === undefined ? 'has said nothing of this directory yet' : `still signs with ${fingerprint(said)}`}: put the file with its new keys where services/renewer.keys.json is, and wait for its next round, or run bulla trust renew there`,
      origin: 'client',
    });
}

async function versionsWithout(
  session: Session,
  trust: Trust,
  prompts: Prompts,
  older: readonly OlderKey[],
): Promise<{ name: string; version: number }[]> {
  const lacking: { name: string; version: number }[] = [];
  if (older.length === 0) return lacking;
  for await (const { id, name } of prompts.list()) {
    if (sealsItself(trust, name, older)) continue;
    const granted = await grantsOf(session, trust, { id });
    for (const [version, grants] of Map.groupBy(granted, (one) => one.version)) {
      const kids = new Set(grants.map(({ kid }) => kid));
      const isLacking = older.some(({ kid, newest }) => kids.has(kid) && !kids.has(newest));
      if (isLacking && !trust.isWithdrawn(urnOf(trust.org, 'prompt', id), version)) lacking.push({ name, version });
    }
  }
  return lacking;
}

/** Whether the vault, which keeps the data keys of a managed name, seals its versions to the newest key when they are run. */
function sealsItself(trust: Trust, name: string, older: readonly OlderKey[]): boolean {
  const suiteOf = (kid: string) => trust.holder(kid)?.record.suite;
  return (
    custodyUnder(name, trust) === 'managed' &&
    older.every(({ kid, newest }) => {
      const [next, before] = [suiteOf(newest), suiteOf(kid)];
      return next !== undefined && before !== undefined && lastsAsLong(next, before);
    })
  );
}

/**
 * Signs the next directory, in which the older keys only verify, and only open what is sealed to them.
 * @throws {BullaError} validation_failed while a version is sealed to one of them and not to the newest, and where the
 *   newest does not count any more; needs_rewrap where the vault knows of one that lacks it
 */
export function publishRetirement(session: Session, signer: Signer, plan: RetirementPlan): Promise<Trust> {
  // guard: retire-lacking
  if (plan.lacking.length > 0)
    throw bullaError('validation_failed', {
      message: `${plan.lacking.length} versions are sealed to an older key alone: nobody could run them`,
      origin: 'client',
    });
  const kids = plan.older.map(({ kid }) => kid);
  return publishNextDirectory(session, signer, (draft, now) => {
    requireNewest(draft, plan, now);
    retireKeys(plan.service, plan.kind, kids)(draft, now);
  });
}

/** Somebody else may have published since it was looked at. @throws {BullaError} validation_failed */
function requireNewest(draft: DirectoryDocument, { service, older }: RetirementPlan, now: number): void {
  for (const { newest } of older) {
    const record = draft.entities[service]?.keys.find(({ kid }) => kid === newest);
    const isRevoked = draft.revoked.some(({ kid }) => kid === newest);
    // guard: retire-newest
    if (record === undefined || keyState(record, isRevoked, now) !== 'active')
      throw bullaError('validation_failed', {
        message: `the newest key of ${service} was revoked or has ended meanwhile: nothing was signed`,
        origin: 'client',
      });
  }
}
