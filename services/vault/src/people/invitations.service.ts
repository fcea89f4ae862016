import type { DeviceRole, Invitation, InvitationId, InvitationQuery, NewInvitation } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { parseUrn } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultLedger } from '../database/vault-ledger.js';
import { decodeCursor, encodeCursor } from '@bulla/service-kit';
import type { Page } from '@bulla/service-kit';
import { pageOf } from '@bulla/service-kit';
import type { InvitationRow } from './invitations.repository.js';
import { InvitationsRepository } from './invitations.repository.js';

const LIFE_MAX_MS = 86_400_000;

/**
 * Tickets for one device each. What they offer is a note for people: the approver uses their own record, and the
 * directory that they sign decides (protocol.md §4).
 */
@Injectable()
export class InvitationsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly invitations: InvitationsRepository,
  ) {}

  create(caller: Caller, sent: NewInvitation): Promise<Answer<Invitation>> {
    return this.ledger.run(caller, async (trx) => {
      requireDistinct(sent);
      requireOwnUser(caller.org, sent.user);
      requireRenewerAlone(caller.trust, sent);
      const expiresAt = this.requireShortLife(sent.expires_at);
      const { id, ticket_sha256, label, user } = sent;
      const row = await this.invitations.insert(trx, {
        id,
        org: caller.org,
        ticket_sha256,
        roles: JSON.stringify(sent.roles),
        groups: JSON.stringify(sent.groups),
        user_urn: user,
        label,
        created_by: caller.urn,
        created_at: this.now(),
        expires_at: expiresAt,
      });
      if (row === undefined) throw new Problem('name_taken');
      return { body: this.present(row), event: { act: 'invitation.create', obj: { invitation: id } } };
    });
  }

  async list(caller: Caller, { limit, cursor }: InvitationQuery): Promise<Answer<Page<Invitation>>> {
    const [before] = cursor === undefined ? [] : decodeCursor(cursor, ['string']);
    const rows = await this.invitations.list(caller.org, before, limit + 1);
    return pageOf(rows, {
      limit,
      item: (row) => this.present(row),
      cursorAfter: ({ id }) => encodeCursor([id]),
      request: caller.request,
    });
  }

  /** Takes an invitation back; twice is as good as once. What was taken is refused as an enrolment. */
  delete(caller: Caller, id: InvitationId): Promise<Answer<undefined>> {
    return this.ledger.run(caller, async (trx) => {
      if ((await this.invitations.find(caller.org, id, trx)) === undefined) throw new Problem('not_found');
      if (!(await this.invitations.markDeleted(trx, caller.org, id, this.now()))) {
        throw new Problem('version_conflict', { detail: 'a device has taken this invitation: refuse the device' });
      }
      return { body: undefined, event: { act: 'invitation.delete', obj: { invitation: id } } };
    });
  }

  /**
   * The roles of an invitation that is open or was taken in its time, for a holder of its ticket.
   * @returns undefined if this, by its hash, is not that ticket
   */
  async offeredFor(org: string, id: InvitationId, ticketSha256: string): Promise<readonly DeviceRole[] | undefined> {
    const row = await this.invitations.find(org, id);
    if (
      row === undefined ||
      row.deleted_at !== null || // guard: invite-taken-back
      row.ticket_sha256 !== ticketSha256 // guard: enrol-ticket
    )
      return undefined;
    return row.taken_at !== null || this.stateOf(row) === 'open' ? row.roles : undefined;
  }

  /** Takes an open invitation for one device. False if it is not open any more; the row lets one in. */
  take(trx: VaultTransaction, org: string, id: InvitationId): Promise<boolean> {
    return this.invitations.take(trx, org, id, this.now());
  }

  /** @throws {Problem} validation_failed */
  private requireShortLife(expiresAt: string): Date {
    const expires = new Date(expiresAt);
    const lifeMs = expires.getTime() - this.clock.nowMs();
    // guard: invite-life without: return expires;
    if (lifeMs > 0 && lifeMs <= LIFE_MAX_MS) return expires;
    throw refusedMember('/expires_at', 'must be within the next 24 hours');
  }

  private present(row: InvitationRow): Invitation {
    const { id, roles, groups, user_urn: user, label } = row;
    const times = { created_at: row.created_at.toISOString(), expires_at: row.expires_at.toISOString() };
    return { id, roles, groups, user, label, state: this.stateOf(row), ...times };
  }

  private stateOf({ taken_at: takenAt, expires_at: expiresAt }: InvitationRow): Invitation['state'] {
    if (takenAt !== null) return 'taken';
    return expiresAt.getTime() > this.clock.nowMs() ? 'open' : 'expired';
  }

  private now(): Date {
    return new Date(this.clock.nowMs());
  }
}

/** As the directory will want it. @throws {Problem} validation_failed */
function requireDistinct({ roles, groups }: NewInvitation): void {
  for (const [pointer, list] of [
    ['/roles', roles],
    ['/groups', groups],
  ] as const) {
    if (new Set<string>(list).size !== list.length) throw refusedMember(pointer, 'must not name one of them twice');
  }
}

/** @throws {Problem} validation_failed */
function requireOwnUser(org: string, user: string): void {
  // guard: invite-user
  if (parseUrn(user)?.org !== org) throw refusedMember('/user', 'must be a person of your organisation');
}

/** As the directory will want it: who says what is the newest does nothing else. @throws {Problem} validation_failed */
function requireRenewerAlone(trust: Trust, { roles, groups, user }: NewInvitation): void {
  if (!roles.includes('renewer')) return;
  // guard: invite-renewer-role
  if (roles.length > 1) throw refusedMember('/roles', 'must name no other role beside renewer');
  // guard: invite-renewer-groups
  if (groups.length > 0) throw refusedMember('/groups', 'must be empty for a renewer');
  // guard: invite-renewer-user
  if (trust.entitiesOf('device').some((urn) => trust.userOf(urn) === user))
    throw refusedMember('/user', 'must be a user of its own for a renewer');
}

function refusedMember(pointer: string, message: string): Problem {
  return new Problem('validation_failed', { errors: [{ pointer, message }] });
}
