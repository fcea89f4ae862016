import type { EnrolmentRequest, NewEnrolment, NewInvitation } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import { ALL_SUITES, deviceKeyOf, enrolmentFingerprint, parseDirectory, ticketHash } from '@bulla/crypto';
import type { InvitationRecord, InvitationRecords } from '../src/people/invitation-records.js';
import type { World } from './world.js';

interface Entry {
  readonly request: EnrolmentRequest;
  state: 'pending' | 'approved' | 'refused';
}

/** The part of a vault by which people come in, honest until it is told otherwise. It believes every directory. */
export class PeopleVault {
  readonly invitations = new Map<string, NewInvitation>();
  readonly enrolments = new Map<string, Entry>();
  /** The directories that were published, the newest last. */
  readonly directories: string[] = [];
  /** Changes requests on their way to the approver. */
  forge: (request: EnrolmentRequest) => Partial<EnrolmentRequest> = () => ({});
  /** `kid` of each key that vault and responder say they hold. */
  held: string[] = [];
  /** Called before each publication. */
  beforePublication: () => void | Promise<void> = () => undefined;

  constructor(world: World) {
    const { lies } = world.vault.service;
    const { vault } = world;
    vault.documents = () => ({
      ...world.organisation.documents,
      directory: this.directories.at(-1) ?? world.organisation.documents.directory,
    });
    for (const service of [vault.service, world.responder.service])
      service.lies['key.held'] = () => ({ body: { kids: this.held } });
    const publish = async (directory: string): Promise<number> => {
      await this.beforePublication();
      const { version } = (await parseDirectory(directory)).payload;
      const newest = (await parseDirectory(vault.documents().directory)).payload.version;
      if (version !== newest + 1) throw new Problem('version_conflict');
      this.directories.push(directory);
      return version;
    };
    lies['invitation.create'] = ({ body }) => {
      const invitation = body as NewInvitation;
      this.invitations.set(invitation.id, invitation);
      const { ticket_sha256: _, ...offer } = invitation;
      return { body: { ...offer, state: 'open', created_at: invitation.expires_at } };
    };
    lies['enrolment.create'] = async ({ body }) => {
      const { ticket, ...sent } = body as NewEnrolment;
      const invitation = this.invitations.get(sent.invitation);
      if (invitation?.ticket_sha256 !== (await ticketHash(ticket))) throw new Problem('not_found');
      const taken = [...this.enrolments.values()].some(({ request }) => request.invitation === sent.invitation);
      if (taken) throw new Problem('name_taken');
      // A renewer brings a second key that signs.
      const isSealed = ALL_SUITES.some(({ seal }) => seal === sent.enc.alg);
      const [sig, enc] = [await deviceKeyOf(sent.sig, 'sig'), await deviceKeyOf(sent.enc, isSealed ? 'enc' : 'sig')];
      const request = {
        ...sent,
        state: 'pending',
        sig: { ...sent.sig, kid: sig.kid },
        enc: { ...sent.enc, kid: enc.kid },
        created_at: invitation.expires_at,
      } as EnrolmentRequest;
      this.enrolments.set(sent.id, { request, state: 'pending' });
      return { body: await this.#view(sent.id) };
    };
    lies['enrolment.get'] = async ({ params }) => ({ body: await this.#view(params['id'] ?? '') });
    lies['enrolment.list'] = () => {
      const data = [...this.enrolments.values()]
        .filter(({ state }) => state === 'pending')
        .map(({ request }) => ({ ...request, ...this.forge(request) }));
      return { body: { data, next_cursor: null } };
    };
    lies['enrolment.refuse'] = ({ params }) => {
      this.#entry(params['id'] ?? '').state = 'refused';
      return {};
    };
    lies['enrolment.approve'] = async ({ params, body }) => {
      const entry = this.#entry(params['id'] ?? '');
      const version = await publish((body as { directory: string }).directory);
      entry.state = 'approved';
      return { body: { id: params['id'], state: 'approved', version } };
    };
    lies['directory.publish'] = async ({ body }) => ({
      body: { version: await publish((body as { directory: string }).directory) },
    });
  }

  #entry(id: string): Entry {
    const entry = this.enrolments.get(id);
    if (entry === undefined) throw new Problem('not_found');
    return entry;
  }

  async #view(id: string): Promise<object> {
    const { request, state } = this.#entry(id);
    const fingerprint = await enrolmentFingerprint({ sigKid: request.sig.kid, encKid: request.enc.kid });
    return { id, state, fingerprint, device: null };
  }
}

/** Records of invitations for the life of a test. */
export class MemoryRecords implements InvitationRecords {
  records: InvitationRecord[] = [];

  list(): Promise<readonly InvitationRecord[]> {
    return Promise.resolve(this.records);
  }

  put(record: InvitationRecord): Promise<void> {
    this.records = [...this.records.filter(({ id }) => id !== record.id), record];
    return Promise.resolve();
  }

  remove(id: string): Promise<void> {
    this.records = this.records.filter((record) => record.id !== id);
    return Promise.resolve();
  }
}
