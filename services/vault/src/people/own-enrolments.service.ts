import { isDeepStrictEqual } from 'node:util';
import type { DeviceRole, Enrolment, EnrolmentId, NewEnrolment } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { enrolmentFingerprint, ticketHash } from '@bulla/crypto';
import type { Answer, OwnKeySignature } from '@bulla/service-kit';
import { Clock, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { StoredRequest } from '../database/types.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { InvitationsService } from './invitations.service.js';
import type { BroughtKeys } from './brought-keys.js';
import { broughtKeys } from './brought-keys.js';
import type { EnrolmentRow } from './enrolments.repository.js';
import { EnrolmentsRepository } from './enrolments.repository.js';

const GONE = 'this invitation is not open any more';

/**
 * What a device does that nobody knows yet: ask to be let in, and ask again what became of it. It is known by the key
 * that it brings, and until its ticket fits it is a stranger: nothing of it is written down.
 */
@Injectable()
export class OwnEnrolmentsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly trust: TrustSource,
    private readonly invitations: InvitationsService,
    private readonly enrolments: EnrolmentsRepository,
  ) {}

  /**
   * Takes an invitation for a device. The same request again is answered as before.
   * @throws {Problem} not_found, in the same words, for an organisation, invitation or ticket that does not exist
   */
  async create(signature: OwnKeySignature, sent: NewEnrolment): Promise<Answer<Enrolment>> {
    const keys = await broughtKeys(sent);
    requireOwn(signature, sent.id, keys);
    const signatory = await signature.verify(keys.sig);
    const { org } = signature;
    const trust = await this.trust.trustOf(org);
    const offered = await this.invitations.offeredFor(org, sent.invitation, await ticketHash(sent.ticket));
    if (trust === undefined || offered === undefined) {
      throw new Problem('not_found', { detail: 'there is no open invitation with this ticket' });
    }
    await signature.admit(signatory);
    trust.requireFresh(this.clock.now());
    return this.ledger.run(signatory, async (trx) => {
      const event = { act: 'enrolment.create', obj: { enrolment: sent.id, invitation: sent.invitation } } as const;
      if (!(await this.invitations.take(trx, org, sent.invitation))) {
        const earlier = await this.enrolments.find(org, sent.id, trx);
        if (earlier === undefined || !isSame(earlier, sent)) throw new Problem('name_taken', { detail: GONE });
        return { body: await present(earlier), event };
      }
      // guard: enrol-known-key
      requireNewKeys(trust, keys);
      requireOffered(offered, keys);
      const row = await this.enrolments.insert(trx, {
        id: sent.id,
        org,
        invitation: sent.invitation,
        sig_kid: keys.sig.kid,
        enc_kid: keys.enc.kid,
        request: JSON.stringify(requestOf(sent)),
        created_at: new Date(this.clock.nowMs()),
      });
      if (row === undefined) throw new Problem('name_taken');
      return { body: await present(row), event };
    });
  }

  /** How the request of a device stands, for the key that made it and for nobody else. */
  async get(signature: OwnKeySignature, id: EnrolmentId): Promise<Enrolment> {
    const row = await this.enrolments.find(signature.org, id);
    // guard: enrol-asked-by-owner without: if (row === undefined)
    if (row === undefined || signature.enrolment !== id || signature.kid !== row.sig_kid)
      throw new Problem('not_found');
    await signature.admit(await signature.verify((await broughtKeys(row.request)).sig));
    return present(row);
  }
}

/** @throws {Problem} validation_failed if the body is of another enrolment, or by another key, than the signature says */
function requireOwn(signature: OwnKeySignature, id: EnrolmentId, { sig, enc }: BroughtKeys): void {
  // guard: enrol-own-key
  if (signature.enrolment !== id || signature.kid !== sig.kid) {
    throw new Problem('validation_failed', { detail: 'keyid does not name this enrolment and its signing key' });
  }
  // guard: enrol-two-keys
  if (sig.kid === enc.kid) throw new Problem('validation_failed', { detail: 'both keys are one' });
}

/** A key stands once in a directory, and only in suites that the policy allows. @throws {Problem} name_taken, validation_failed */
function requireNewKeys(trust: Trust, { sig, enc }: BroughtKeys): void {
  for (const { kid, suite } of [sig, enc]) {
    const isKnown = trust.holder(kid) !== undefined || trust.isRevoked(kid) || Object.hasOwn(trust.root.keys, kid);
    if (isKnown || trust.root.recovery_enc?.kid === kid) {
      throw new Problem('name_taken', { detail: 'the organisation knows one of these keys already' });
    }
    // guard: enrol-suite
    if (!trust.policy.suites.includes(suite)) {
      throw new Problem('validation_failed', { detail: 'the policy does not allow the suite of a key' });
    }
  }
}

/** Who is invited to say what is the newest brings a key for that, and nobody else does. @throws {Problem} validation_failed */
function requireOffered(roles: readonly DeviceRole[], { isRenewer }: BroughtKeys): void {
  // guard: enrol-renewer
  if (roles.includes('renewer') !== isRenewer) {
    throw new Problem('validation_failed', {
      detail: 'these are not the keys of the device that this invitation is for',
    });
  }
}

/** What is kept of a request; the ticket is not. */
function requestOf({ label, sig, enc, mac }: NewEnrolment): StoredRequest {
  return { label, sig, enc, mac };
}

/** Whether a request is the one that is kept; members of a jsonb column stand in an order of the database's own. */
function isSame({ request, invitation }: EnrolmentRow, sent: NewEnrolment): boolean {
  return invitation === sent.invitation && isDeepStrictEqual(request, requestOf(sent));
}

async function present({ id, state, device, sig_kid: sigKid, enc_kid: encKid }: EnrolmentRow): Promise<Enrolment> {
  return { id, state, device, fingerprint: await enrolmentFingerprint({ sigKid, encKid }) };
}
