import type { EnrolmentRequest } from '@bulla/contract';
import type { DeviceKey, Signer } from '@bulla/crypto';
import {
  ALL_SUITES,
  areEnrolmentWords,
  deviceKeyOf,
  enrolmentFingerprint,
  enrolmentWords,
  isEnrolmentMac,
  mintId,
  renewerKeyOf,
  urnOf,
} from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import type { InvitationRecord, InvitationRecords } from './invitation-records.js';
import { addDevice, areRenewers, DEVICE_KEY_KINDS, RENEWER_KEY_KINDS } from '../trust/next-directory.js';
import { publishNextDirectory, requireSignatory } from '../trust/publish-directory.js';
import { SeveralSign } from '../trust/several-sign.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** A device that wants to come in. Its keys are as it sent them; `label` is the device's own word. */
export interface DeviceRequest {
  /** `enr_…`. */
  readonly id: string;
  /** `ivt_…`. */
  readonly invitation: string;
  readonly label: string;
  readonly createdAt: string;
  readonly fingerprint: string;
  /** Eight words, for two people who compare them by voice. */
  readonly words: readonly string[];
  /**
   * Whether these keys belong to the person who has this machine's invitation: `proved` by its secret, `forged` where
   * the proof is wrong, `unknown` where the invitation was not made here.
   */
  readonly proof: 'proved' | 'forged' | 'unknown';
  /** This machine's record of the invitation. */
  readonly record: InvitationRecord | undefined;
  readonly sig: DeviceKey;
  /** What is sealed to it; in the place of that, a renewer's key for its word. */
  readonly enc: DeviceKey;
}

/** What an approver says who did not invite: nothing of it comes from the vault. */
export type Terms = Pick<InvitationRecord, 'roles' | 'groups' | 'user' | 'label'> & {
  /** The eight words as the device's owner reads them out. */
  readonly words: string;
};

const PAGE = 200;

/** Every request that waits, the oldest first. */
export async function* pendingRequests(session: Session, records: InvitationRecords): AsyncGenerator<DeviceRequest> {
  const trust = await session.keeper.current();
  const own = (await records.list()).filter(({ org }) => org === trust.org);
  let cursor: string | undefined;
  do {
    const query = { state: 'pending', limit: PAGE, cursor } as const;
    const page = await session.transport.call('enrolment.list', vaultOf(session, trust), trust, { query });
    for (const sent of page.data) {
      yield await checked(() => requestOf(trust.org, sent, own));
    }
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** Names of keys are computed from the keys: those that the vault puts beside them could be of others. */
async function requestOf(
  org: string,
  { id, invitation, label, created_at: createdAt, sig: sentSig, enc: sentEnc, mac }: EnrolmentRequest,
  own: readonly InvitationRecord[],
): Promise<DeviceRequest> {
  const [sig, enc] = isSealed(sentEnc.alg)
    ? [await deviceKeyOf(sentSig, 'sig'), await deviceKeyOf(sentEnc, 'enc')]
    : [await renewerKeyOf(sentSig), await renewerKeyOf(sentEnc)];
  // guard: enrol-own-kids without:
  //   const sentKid = (sent: unknown) => (sent as { kid?: string }).kid ?? '';
  //   const kids = { sigKid: sentKid(sentSig), encKid: sentKid(sentEnc) };
  const kids = { sigKid: sig.kid, encKid: enc.kid };
  const record = own.find((one) => one.id === invitation && one.secret !== undefined);
  const isProved =
    record?.secret !== undefined && (await isEnrolmentMac(mac, record.secret, { org, invitation, ...kids }));
  return {
    id,
    invitation,
    label,
    createdAt,
    fingerprint: await enrolmentFingerprint(kids),
    words: await enrolmentWords(kids),
    proof: record === undefined ? 'unknown' : isProved ? 'proved' : 'forged',
    record,
    sig,
    enc,
  };
}

/**
 * Lets a device in: signs the directory that lists it, under a fresh name. The person who invited it needs only the
 * record. Anybody else compares eight words and says what the device may do.
 * @param terms where there is no record.
 * @returns URN of the device.
 * @throws {VerifyError} signature_invalid if the proof is wrong (enrolment-mac: the request is refused and its invitation
 *   burnt) or the words are of other keys (enrolment-words); {BullaError} forbidden, validation_failed
 */
export async function approveRequest(
  session: Session,
  request: DeviceRequest,
  { records, signer, terms }: { records: InvitationRecords; signer: Signer; terms?: Terms | undefined },
): Promise<string> {
  // guard: enrol-proof
  if (request.proof === 'forged') {
    await refuseRequest(session, request, records);
    throw bullaError('signature_invalid', {
      message:
        'the device that sent these keys does not have the secret of the invitation: the request is refused and its invitation burnt',
      check: 'enrolment-mac',
      origin: 'client',
    });
  }
  requireSignatory(await session.keeper.current(), signer);
  // guard: enrol-terms without:
  //   const wanted = request.record ?? (await termsOf(request, terms));
  //   const granted = { ...wanted, roles: ['owner'] as const };
  const granted = request.record ?? (await termsOf(request, terms));
  const { org } = session.identity;
  const urn = urnOf(org, 'dev', mintId('dev'));
  const { roles, groups, user, label } = granted;
  requireFitting(request, roles);
  const change = addDevice({ urn, user, roles: [...roles], groups, keys: [request.sig, request.enc] });
  const record = { id: request.invitation, org, roles, groups, user, label, expiresAt: session.now(), device: urn };
  try {
    const purpose = { why: `a device comes in: ${label}`, enrolment: request.id };
    const after = await publishNextDirectory(session, signer, change, purpose);
    const device = after.holder(request.sig.kid)?.urn ?? urn;
    await records.put({ ...record, device });
    return device;
  } catch (error) {
    // What it is called here, it is called when the others have signed, too.
    if (error instanceof SeveralSign) await records.put(record);
    throw error;
  }
}

/** Whether a key is one that things are sealed to. */
function isSealed(alg: string): boolean {
  return ALL_SUITES.some(({ seal }) => seal === alg);
}

/** Refuses keys that are of no use for what the device may be; the directory of it would be refused by everybody. */
function requireFitting({ enc }: DeviceRequest, roles: readonly string[]): void {
  const [, second] = areRenewers(roles) ? RENEWER_KEY_KINDS : DEVICE_KEY_KINDS;
  // guard: enrol-kind
  if (enc.use !== second.use) {
    const message =
      enc.use === 'sig'
        ? 'these are the keys of a renewer, and the device shall be none: on its machine, enrol without --renewer'
        : 'a renewer has other keys: on its machine, enrol with --renewer';
    throw bullaError('validation_failed', { message: `${message}, by another invitation`, origin: 'client' });
  }
}

async function termsOf({ sig, enc }: DeviceRequest, terms: Terms | undefined): Promise<Terms> {
  if (terms === undefined) {
    throw bullaError('validation_failed', {
      message: 'the invitation was not made on this machine: it takes the eight words, and what the device may do',
      origin: 'client',
    });
  }
  // guard: enrol-words without: return terms;
  if (await areEnrolmentWords(terms.words, { sigKid: sig.kid, encKid: enc.kid })) return terms;
  throw bullaError('signature_invalid', {
    message: 'these are not the words of the keys that arrived: nothing was signed',
    check: 'enrolment-words',
    origin: 'client',
  });
}

/** Refuses a device; its invitation is spent, here and at the vault. */
export async function refuseRequest(
  session: Session,
  { id, invitation }: Pick<DeviceRequest, 'id' | 'invitation'>,
  records: InvitationRecords,
): Promise<void> {
  const trust = await session.keeper.current();
  await session.transport.call('enrolment.refuse', vaultOf(session, trust), trust, { params: { id } });
  await records.remove(invitation);
}
