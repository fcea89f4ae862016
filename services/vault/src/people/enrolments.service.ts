import type { ApprovedEnrolment, EnrolmentId, EnrolmentQuery, EnrolmentRequest } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { DirectoryEntity, Trust } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { PublishingService } from '../organisations/publishing.service.js';
import { decodeCursor, encodeCursor } from '@bulla/service-kit';
import type { Page } from '@bulla/service-kit';
import { pageOf } from '@bulla/service-kit';
import type { EnrolmentRow } from './enrolments.repository.js';
import { EnrolmentsRepository } from './enrolments.repository.js';

/** Requests of devices, as those see them who let people in. */
@Injectable()
export class EnrolmentsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly publishing: PublishingService,
    private readonly enrolments: EnrolmentsRepository,
  ) {}

  async list(caller: Caller, { state, limit, cursor }: EnrolmentQuery): Promise<Answer<Page<EnrolmentRequest>>> {
    const [after] = cursor === undefined ? [] : decodeCursor(cursor, ['string']);
    const rows = await this.enrolments.list({ org: caller.org, state, after, limit: limit + 1 });
    return pageOf(rows, {
      limit,
      item: present,
      cursorAfter: ({ id }) => encodeCursor([id]),
      request: caller.request,
    });
  }

  /**
   * Lets a device in: publishes the directory that lists it, by the rules of every directory, and says so to the
   * device, in one transaction.
   * @throws {Problem} not_found; validation_failed if the directory lists something else; version_conflict if the
   *   request is decided already or the directory does not continue the newest one
   */
  async approve(caller: Caller, id: EnrolmentId, token: string): Promise<Answer<ApprovedEnrolment>> {
    await this.find(caller.org, id);
    return this.publishing.directoryWith(caller, token, async (trx, next, before) => {
      const row = await this.find(caller.org, id, trx);
      const device = listedDevice(row, next, before);
      if (!(await this.enrolments.decide(trx, row, { state: 'approved', device }))) throw decidedAlready();
      const { version } = next.directory;
      const obj = { enrolment: id, invitation: row.invitation, version };
      return { body: { id, state: 'approved', version }, event: { act: 'enrolment.approve', obj } };
    });
  }

  /** Refuses a device; its invitation is spent. Twice is as good as once. */
  refuse(caller: Caller, id: EnrolmentId): Promise<Answer<undefined>> {
    return this.ledger.run(caller, async (trx) => {
      const row = await this.find(caller.org, id, trx);
      const isRefused = row.state === 'refused' || (await this.enrolments.decide(trx, row, { state: 'refused' }));
      if (!isRefused) throw decidedAlready();
      const obj = { enrolment: id, invitation: row.invitation };
      return { body: undefined, event: { act: 'enrolment.refuse', obj } };
    });
  }

  private async find(org: string, id: EnrolmentId, trx?: VaultTransaction): Promise<EnrolmentRow> {
    const row = await this.enrolments.find(org, id, trx);
    if (row === undefined) throw new Problem('not_found');
    return row;
  }
}

/**
 * The device that a directory lists with exactly the two keys of a request, and that the one before did not have.
 * @throws {Problem} validation_failed, version_conflict
 */
function listedDevice(row: EnrolmentRow, next: Trust, before: Trust): string {
  if (row.state !== 'pending') throw decidedAlready();
  const urn = next.holder(row.sig_kid)?.urn ?? '';
  const entity = next.entity(urn);
  const isListed =
    entity?.kind === 'device' &&
    before.entity(urn) === undefined &&
    entity.keys.length === 2 &&
    haveTheirUses(entity, row) &&
    !next.isRevoked(row.sig_kid) &&
    !next.isRevoked(row.enc_kid);
  // guard: approve-listed without: return urn;
  if (isListed) return urn;
  throw new Problem('validation_failed', {
    detail: 'the directory does not list a new device with exactly the two keys of this enrolment',
  });
}

/** A renewer signs with both of its keys: which of them signs requests is as it asked. */
function haveTheirUses({ roles, keys }: DirectoryEntity, { sig_kid: sigKid, enc_kid: encKid }: EnrolmentRow): boolean {
  const [sig, enc] = [sigKid, encKid].map((wanted) => keys.find(({ kid }) => kid === wanted));
  if (roles.some((role) => role === 'renewer')) {
    // guard: approve-renewer without: return true;
    return sig?.pur.includes('http') === true && enc?.pur.includes('fresh') === true;
  }
  return sig?.use === 'sig' && enc?.use === 'enc';
}

function decidedAlready(): Problem {
  return new Problem('version_conflict', { detail: 'this enrolment has been decided already' });
}

function present(row: EnrolmentRow): EnrolmentRequest {
  const { id, state, invitation, request } = row;
  return {
    id,
    state,
    invitation,
    label: request.label,
    sig: { ...request.sig, kid: row.sig_kid },
    enc: { ...request.enc, kid: row.enc_kid },
    mac: request.mac,
    created_at: row.created_at.toISOString(),
  };
}
