import type { DirectoryDocument, KeyPurpose, Signer, Trust } from '@bulla/crypto';
import { fingerprint, keyState, parseDirectoryFreshness } from '@bulla/crypto';
import { BullaError, bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { serviceAt } from '../connection/session.js';
import type { Prompts } from '../prompts/prompts.js';
import { retireKeys } from '../trust/next-directory.js';
import type { DirectoryChange } from '../trust/next-directory.js';
import { publishNextDirectory } from '../trust/publish-directory.js';
import { serviceKindOf } from '../trust/services.js';
import { heldBesideListed, splitByHeld } from './held-beside-listed.js';
import { heldKeys } from './held-keys.js';
import type { OlderKey, RetirementPlan } from './retirement-plan.js';
import { versionsAfter } from './versions-after.js';

/** Names the finding that a key which is to stay is one that the service does not hold. */
const NOT_HELD = 'key-not-held';

export interface RetirementOptions {
  /** Ends keys as well that are listed and newer than those that the service holds: it has not got them, or has lost them. */
  readonly endsNotHeld?: boolean | undefined;
  /** How long a responder is waited for that has not tried all of its grants yet; not at all unless given. */
  readonly patienceMs?: number | undefined;
}

/**
 * Looks at the keys of a service, at what it signs with, and at every version that it can open.
 * @throws {BullaError} not_found if the directory lists no such vault, responder or renewer, or its only key has ended;
 *   forbidden to whom the vault does not show grants, or a service its log; validation_failed if it still signs with an
 *   older key; with `endsNotHeld` transport_failed where it cannot be asked, validation_failed where no key would be left
 */
export async function planRetirement(
  session: Session,
  prompts: Prompts,
  service: string,
  { endsNotHeld = false, patienceMs = 0 }: RetirementOptions = {},
): Promise<RetirementPlan> {
  const trust = await session.keeper.refresh();
  const kind = serviceKindOf(trust.entity(service));
  if (kind === undefined)
    throw bullaError('not_found', {
      message: `the directory lists no vault, responder or renewer ${service}`,
      origin: 'client',
    });
  const held = kind === 'renewer' ? undefined : await heldNow(session, trust, service, endsNotHeld);
  const place = { session, trust, service, stays: endsNotHeld ? held : undefined };
  const signing = (['http', 'fresh'] as const).flatMap((purpose) => olderKeys(place, purpose));
  const sealedTo = olderKeys(place, 'unwrap');
  const others = endsNotHeld && held !== undefined ? notHeldKeys(place, held, [...signing, ...sealedTo]) : [];
  const plan = { service, kind, older: [...signing, ...sealedTo, ...others] };
  const newest = new Set(plan.older.map((one) => one.newest));
  const notHeld = held === undefined ? [] : [...newest].filter((kid) => !held.includes(kid));
  // It may have taken its file since it said what it holds.
  const signs = signing.length > 0 ? await requireSwitched(session, trust, { ...plan, notHeld }) : undefined;
  const versions = await versionsAfter(session, trust, prompts, { service, sealedTo, patienceMs });
  return { ...plan, ...versions, notHeld: notHeld.filter((kid) => kid !== signs) };
}

/** What a service says that it holds; undefined where it cannot be asked, and need not be. */
async function heldNow(
  session: Session,
  trust: Trust,
  service: string,
  isNeeded: boolean,
): Promise<readonly string[] | undefined> {
  try {
    return await heldKeys(session, trust, service);
  } catch (error) {
    if (isNeeded || !(error instanceof BullaError)) throw error;
    return undefined;
  }
}

interface OlderPlace {
  readonly session: Session;
  readonly trust: Trust;
  readonly service: string;
  /** Keys of which the newest one stays; the newest one of all unless given. */
  readonly stays: readonly string[] | undefined;
}

/** Of those that sign or are sealed to now, all but the one that stays. */
function olderKeys({ session, trust, service, stays }: OlderPlace, purpose: KeyPurpose): OlderKey[] {
  const active = trust.activeKeys(service, purpose, session.now()).map(({ record }) => record);
  const newest = stays === undefined ? active[0] : active.find(({ kid }) => stays.includes(kid));
  // guard: retire-none-held without: if (false)
  if (active.length > 0 && newest === undefined)
    throw bullaError('validation_failed', {
      message: `${service} holds none of its keys for ${purpose} that the directory lists: it would be left with none`,
      origin: 'client',
    });
  const others = active.filter((record) => record !== newest);
  return others.flatMap(({ kid, use }) => (newest === undefined ? [] : [{ kid, newest: newest.kid, use }]));
}

/** Keys for further purposes that the service does not hold, and that are newer than one that it does. */
function notHeldKeys({ session, trust, service }: OlderPlace, held: readonly string[], known: readonly OlderKey[]) {
  const { notHeld } = heldBesideListed(trust, service, held, session.now());
  const others = notHeld.filter((record) => !known.some(({ kid }) => kid === record.kid));
  return others.flatMap(({ kid, use, pur: [purpose] }): OlderKey[] => {
    const newest = purpose && splitByHeld(trust, service, purpose, { held, now: session.now() }).newest?.kid;
    return newest ? [{ kid, newest, use }] : [];
  });
}

/** A service that signs with a key that ends is believed by nobody any more. @returns `kid` of what it signs with */
async function requireSwitched(
  session: Session,
  trust: Trust,
  { service, kind, older, notHeld }: Pick<RetirementPlan, 'service' | 'kind' | 'older' | 'notHeld'>,
): Promise<string | undefined> {
  if (kind === 'renewer') return requireSaid(session, trust, service);
  const signs = await session.transport.signsWith(serviceAt(session, trust, service), trust);
  // guard: retire-signs
  if (older.some(({ kid }) => kid === signs))
    throw bullaError('validation_failed', {
      message: `${service} still signs with ${fingerprint(signs)}: put the file with its new key where BULLA_KEYS_FILE says, and wait for \`keys-taken\` in its log${notHeld.length > 0 ? `; it does not hold ${notHeld.map((kid) => fingerprint(kid)).join(', ')}` : ''}`,
      ...(notHeld.length > 0 && { check: NOT_HELD }),
      origin: 'client',
    });
  return signs;
}

/** A renewer answers nobody; what it says of the newest directory shows which key it has. */
function requireSaid(session: Session, trust: Trust, renewer: string): string | undefined {
  const [newest] = trust.activeKeys(renewer, 'fresh', session.now());
  const words = trust.freshness.fresh.map((word) => parseDirectoryFreshness(word));
  const said = words.find(({ claims }) => claims.iss === renewer)?.header.kid;
  // guard: retire-renewer
  if (said === undefined || said !== newest?.record.kid)
    throw bullaError('validation_failed', {
      message: `${renewer} ${said === undefined ? 'has said nothing of this directory yet' : `still signs with ${fingerprint(said)}`}: put the file with its new keys where services/renewer.keys.json is, and wait for its next round, or run bulla trust renew there`,
      origin: 'client',
    });
  return said;
}

/**
 * Signs the next directory, in which the older keys only verify, and only open what is sealed to them.
 * @param unheard goes by the vault's list alone where the responder did not say that its newest key opens a version.
 * @throws {BullaError} validation_failed while a version is sealed to one of them and not to the newest, or its responder
 *   has not found that the newest opens it, and where the newest does not count any more or is not held; needs_rewrap where
 *   the vault knows of one that lacks it
 */
export function publishRetirement(
  session: Session,
  signer: Signer,
  plan: RetirementPlan,
  { unheard = false }: { readonly unheard?: boolean } = {},
): Promise<Trust> {
  // guard: retire-lacking
  if (plan.lacking.length > 0)
    throw bullaError('validation_failed', {
      message: `${plan.lacking.length} versions are sealed to an older key alone: nobody could run them`,
      origin: 'client',
    });
  // guard: retire-not-held
  if (plan.notHeld.length > 0)
    throw bullaError('validation_failed', {
      message: `${plan.service} does not hold ${plan.notHeld.map((kid) => fingerprint(kid)).join(', ')}: it would be left without a key`,
      check: NOT_HELD,
      origin: 'client',
    });
  // guard: retire-untried
  if (plan.untried.length > 0 && !unheard)
    throw bullaError('validation_failed', {
      message: plan.heard
        ? `${plan.service} has not found that its newest key opens ${plan.untried.length} versions`
        : `${plan.service} could not be asked whether its newest key opens ${plan.untried.length} versions`,
      origin: 'client',
    });
  const kids = plan.older.map(({ kid }) => kid);
  const change: DirectoryChange = (draft, now) => {
    requireNewest(draft, plan, now);
    retireKeys(plan.service, plan.kind, kids)(draft, now);
  };
  return publishNextDirectory(session, signer, change, { why: `older keys of ${plan.service} are retired` });
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
