import type { DeviceRole, Invitation } from '@bulla/contract';
import type { Signer, Trust } from '@bulla/crypto';
import type { PublicKey, PublicKeys } from '@bulla/crypto/key-files';
import {
  encodeInvitationCode,
  enrolmentTicket,
  fingerprint,
  isCheckpointKey,
  mintId,
  newInvitationSecret,
  ticketHash,
  urnOf,
} from '@bulla/crypto';
import type { DeviceRequest, Terms } from './device-requests.js';
import { approveRequest, pendingRequests, refuseRequest } from './device-requests.js';
import { BullaError, bullaError } from '../connection/errors.js';
import type { ListedDevice } from './listed-device.js';
import { listedDevice } from './listed-device.js';
import type { HeldBesideListed } from './held-beside-listed.js';
import { heldBesideListed } from './held-beside-listed.js';
import { heldKeys, requireHeld } from './held-keys.js';
import { whyNoNextLog } from './next-log-key.js';
import type { InvitationRecords } from './invitation-records.js';
import type { RevocationReason } from '../trust/next-directory.js';
import { isManagedKey, managesNames } from '../trust/managed-names.js';
import { renewDeviceKeys, replaceServiceKeys } from '../trust/next-directory.js';
import type { ServiceKind } from '../trust/services.js';
import { serviceKindOf } from '../trust/services.js';
import type { OpenedVersion } from '../prompts/open-version.js';
import type { Prompts } from '../prompts/prompts.js';
import { publishNextDirectory } from '../trust/publish-directory.js';
import type { RetirementPlan } from './retirement-plan.js';
import type { RetirementOptions } from './retirement.js';
import { planRetirement, publishRetirement } from './retirement.js';
import type { RevocationPlan } from './revocation.js';
import { planRevocation, publishRevocation, readForKeeping } from './revocation.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** What an invitation offers to the person who gets the code. */
export interface Offer {
  readonly roles: readonly DeviceRole[];
  readonly groups: readonly string[];
  /** URN of a person who is here already, for another device of theirs; a new person unless given. */
  readonly user?: string | undefined;
  readonly label: string;
  /** Seconds from now, at most a day. */
  readonly lifeSeconds: number;
}

/** An invitation as the vault keeps it: its word, and what a device may do is not decided by it. */
export type ListedInvitation = Invitation;

/** What somebody who accepts keys of a service knows of them. */
export interface AcceptOptions {
  readonly kind: ServiceKind;
  readonly wanted: string;
  readonly compromised: boolean;
  /** Lists them without asking the service whether it holds them: until it has their file, it refuses what is sealed to them. */
  readonly fileLater?: boolean;
  readonly signer: Signer;
}

/** A service's keys before and after they were accepted. */
export interface AcceptedKeys {
  readonly urn: string;
  /** Fingerprints of the signing keys that counted until now. */
  readonly before: readonly string[];
  readonly after: string;
  /** Those that the directory did not list. */
  readonly added: readonly PublicKey[];
  /** Whether the service keeps a signing key that was listed before. */
  readonly beside: boolean;
  readonly directoryVersion: number;
}

const PAGE = 200;
/** What a service signs with the key that stands for it. */
const SIGNS = { vault: 'envelope', responder: 'reply', renewer: 'http' } as const;

/**
 * Who belongs to the organisation and by which devices (protocol.md §4). Each change of that is the next directory,
 * which a holder of a directory key signs here. The vault only carries it.
 */
export class People {
  readonly #session: Session;
  readonly #prompts: Prompts;

  constructor(session: Session, prompts: Prompts) {
    this.#session = session;
    this.#prompts = prompts;
  }

  /** Every device of the newest directory. */
  async devices(): Promise<ListedDevice[]> {
    const trust = await this.#session.keeper.refresh();
    return trust.entitiesOf('device').flatMap((urn) => listedDevice(trust, urn, this.#session.now()));
  }

  /**
   * Invites one device. What it will be allowed stays in the record on this machine; the vault gets a hash of the ticket.
   * @returns the code, to be given to one person in private: anybody who has it can ask to come in.
   * @throws {BullaError} not_found if `user` is nobody of the directory; forbidden
   */
  async invite({ roles, groups, user, label, lifeSeconds }: Offer, records: InvitationRecords): Promise<string> {
    const { keeper, now, transport, vaultUrl } = this.#session;
    const trust = await keeper.current();
    if (user !== undefined && !trust.entitiesOf('device').some((urn) => trust.userOf(urn) === user))
      throw bullaError('not_found', { message: 'no device of this person is listed', origin: 'client', status: 404 });
    const { org, pin } = trust;
    const id = mintId('ivt');
    const secret = newInvitationSecret();
    const expiresAt = now() + lifeSeconds;
    const offer = { roles: [...roles], groups: [...groups], user: user ?? urnOf(org, 'user', mintId('usr')), label };
    // Kept before it is sent: a code whose record is lost could only be approved by words.
    await records.put({ id, org, ...offer, expiresAt, secret });
    const ticket = await ticketHash(await enrolmentTicket(secret));
    const body = { id, ticket_sha256: ticket, ...offer, expires_at: new Date(expiresAt * 1000).toISOString() };
    try {
      await transport.call('invitation.create', vaultOf(this.#session, trust), trust, { body });
    } catch (error) {
      // Without an answer nobody knows whether the vault has it.
      if (error instanceof BullaError && error.code !== 'transport_failed') await records.remove(id);
      throw error;
    }
    return encodeInvitationCode({ url: vaultUrl.href, org, pin, id, secret });
  }

  /** Every invitation that the vault keeps, the newest first. */
  async *invitations(): AsyncGenerator<ListedInvitation> {
    const trust = await this.#session.keeper.current();
    const service = vaultOf(this.#session, trust);
    let cursor: string | undefined;
    do {
      const page = await this.#session.transport.call('invitation.list', service, trust, {
        query: { limit: PAGE, cursor },
      });
      yield* page.data;
      // A page without invitations and with a cursor would be asked for without end.
      cursor = page.data.length > 0 ? (page.next_cursor ?? undefined) : undefined;
    } while (cursor !== undefined);
  }

  /**
   * Takes back an invitation that no device has taken, at the vault and here: nobody comes in by its code any more.
   * @throws {ConflictError} version_conflict if a device has taken it: then the device is refused
   */
  async takeBack(id: string, records: InvitationRecords): Promise<void> {
    const trust = await this.#session.keeper.current();
    try {
      const call = { params: { id } };
      await this.#session.transport.call('invitation.delete', vaultOf(this.#session, trust), trust, call);
    } catch (error) {
      // A vault that has none of this id lets nobody in by it.
      if (!(error instanceof BullaError) || error.code !== 'not_found') throw error;
    }
    await records.remove(id);
  }

  /** Devices that want to come in, the oldest first. */
  requests(records: InvitationRecords): AsyncGenerator<DeviceRequest> {
    return pendingRequests(this.#session, records);
  }

  /** As approveRequest. @returns URN of the device. */
  approve(
    request: DeviceRequest,
    by: { records: InvitationRecords; signer: Signer; terms?: Terms | undefined },
  ): Promise<string> {
    return approveRequest(this.#session, request, by);
  }

  /** Refuses a device; its invitation is spent. */
  refuse(request: DeviceRequest, records: InvitationRecords): Promise<void> {
    return refuseRequest(this.#session, request, records);
  }

  /** As planRevocation. */
  planRevocation(device: string): Promise<RevocationPlan> {
    return planRevocation(this.#session, this.#prompts, device);
  }

  /** As readForKeeping. */
  readForKeeping(device: string, name: string, version: number): Promise<OpenedVersion> {
    return readForKeeping(this.#prompts, device, name, version);
  }

  /**
   * Revokes a device: at once for a party that looks, within a minute for services that poll.
   * @param read versions that were opened and read; they stay trusted besides those that others vouched for.
   * @throws {BullaError} validation_failed if nobody would be left who may let others in
   */
  async revoke(
    plan: RevocationPlan,
    by: { readonly signer: Signer; readonly reason: RevocationReason; readonly read: readonly OpenedVersion[] },
  ): Promise<Trust> {
    const rest = (await this.devices()).filter(({ urn, state }) => urn !== plan.device && state === 'active');
    // guard: revoke-last-owner
    if (!rest.some(({ roles }) => roles.includes('owner'))) {
      throw bullaError('validation_failed', {
        message: 'no owner would be left; let another owner in first',
        origin: 'client',
      });
    }
    return publishRevocation(this.#session, by.signer, plan, by);
  }

  /**
   * `kid` of each key that a vault or responder holds now, by its own word: of its file, and of one that waits in its place.
   * @throws {BullaError} transport_failed; forbidden to whom the service does not say that
   */
  async held(service: string): Promise<readonly string[]> {
    return heldKeys(this.#session, await this.#session.keeper.current(), service);
  }

  /** The same beside what the directory lists of it. @throws as {@link held} */
  async heldBesideListed(service: string): Promise<HeldBesideListed> {
    const trust = await this.#session.keeper.current();
    return heldBesideListed(trust, service, await heldKeys(this.#session, trust, service), this.#session.now());
  }

  /** As planRetirement. */
  planRetirement(service: string, options?: RetirementOptions): Promise<RetirementPlan> {
    return planRetirement(this.#session, this.#prompts, service, options);
  }

  /** As publishRetirement. */
  async retire(plan: RetirementPlan, signer: Signer, options: { readonly unheard?: boolean } = {}): Promise<Trust> {
    return publishRetirement(this.#session, signer, plan, options);
  }

  /** Lists new keys of this device; those it had only verify and open from then on. */
  renew(keys: readonly PublicKey[], signer: Signer): Promise<Trust> {
    const { urn } = this.#session.identity;
    const why = `new keys of the device ${urn}`;
    return publishNextDirectory(this.#session, signer, renewDeviceKeys(urn, keys), { why });
  }

  /**
   * Lists the keys that a vault, responder or renewer states of itself, after their fingerprint came another way.
   * @param kind whose keys they are to be.
   * @param wanted fingerprint of its signing key, which vouches for the others.
   * @param compromised whether the old keys count for nothing from now on.
   * @throws {TrustError} responder_key_changed if the keys are others than `wanted` says; {BullaError} validation_failed
   *   if they belong to no such service of this organisation, are listed already, or would leave none that can be used; as
   *   requireHeld
   */
  async acceptKeys(
    { org, urn, kid, keys }: PublicKeys,
    { kind, wanted, compromised, fileLater = false, signer }: AcceptOptions,
  ): Promise<AcceptedKeys> {
    const after = fingerprint(kid);
    // guard: accept-fingerprint
    if (after !== wanted) {
      throw bullaError('responder_key_changed', {
        message: `the file states the signing key ${after}, and you were told ${wanted}: nothing was signed`,
        check: 'fingerprint',
        origin: 'client',
      });
    }
    const trust = await this.#session.keeper.refresh();
    const refuse = (message: string) => bullaError('validation_failed', { message, origin: 'client' });
    // guard: accept-kind without: if (org !== trust.org || trust.entity(urn) === undefined)
    if (org !== trust.org || serviceKindOf(trust.entity(urn)) !== kind)
      throw refuse(`the directory lists no ${kind} ${urn}`);
    const isListed = ({ kid: of }: Pick<PublicKey, 'kid'>) => trust.holder(of)?.urn === urn;
    // Of several for one purpose the newest alone is new; older ones are there for what is on its way.
    const isWanted = (key: PublicKey) => kind !== 'vault' || managesNames(trust.policy) || !isManagedKey(key);
    const added = keys.filter(
      (key) => !isListed(key) && isWanted(key) && key === keys.find((one) => isForTheSame(one, key)),
    );
    if (added.length === 0) throw refuse('the directory lists these keys already');
    const why = whyNoNextLog(added, trust.entity(urn)?.keys ?? []);
    if (why !== undefined) throw refuse(why);
    const active = trust.activeKeys(urn, SIGNS[kind], this.#session.now()).map(({ record }) => record.kid);
    // guard: accept-signer
    if (isListed({ kid }) && !active.includes(kid))
      throw refuse(`the file is signed by the key ${after}, which counts no more: a file of new keys is needed`);
    // guard: accept-compromised
    if (compromised && keys.some(isListed))
      throw refuse('the file holds a key that is listed already: where old keys are compromised, all must be new');
    // A renewer answers nobody, and nothing is sealed to it.
    if (!fileLater && kind !== 'renewer') await requireHeld(this.#session, trust, urn, added);
    const before = active.map((of) => fingerprint(of));
    const next = await publishNextDirectory(
      this.#session,
      signer,
      replaceServiceKeys(urn, kind, { added, stated: keys, compromised }),
      { why: `new keys of ${urn}${compromised ? ', whose old ones somebody else may have' : ''}` },
    );
    const beside = keys.some((key) => key.use === 'sig' && !isCheckpointKey(key) && isListed(key));
    return { urn, before, after, added, beside, directoryVersion: next.directory.version };
  }
}

function isForTheSame(one: PublicKey, other: PublicKey): boolean {
  return one.use === other.use && one.pur.join(' ') === other.pur.join(' ');
}
