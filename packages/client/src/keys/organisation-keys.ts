import type { Job, KeyStatus, NewRotation } from '@bulla/contract';
import { JobId } from '@bulla/contract';
import type { JudgedProposal, KeyState, Trust } from '@bulla/crypto';
import { keyState } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import { publishProposal } from '../trust/publish-proposal.js';

/** A key that a service or a renewer signs or opens with, as the directory lists it. */
export interface ServiceKey {
  /** URN of who holds it. */
  readonly urn: string;
  readonly kid: string;
  readonly use: 'sig' | 'enc';
  readonly purposes: readonly string[];
  readonly suite: string;
  readonly state: KeyState;
  /** Seconds: from when it is used, until when something new may be signed by it or sealed to it, and its end. */
  readonly from: number;
  readonly useUntil: number;
  readonly end: number;
}

/** How keys at rest stand, by the word of the vault; no key is in it. */
export type StandingKeys = KeyStatus;

const PAGE = 50;
const KINDS = ['vault', 'responder', 'gateway'] as const;

/** The keys that an organisation relies on, and their replacement while everything runs. */
export class OrganisationKeys {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Root keys of the vault, keys of the organisation under them, and what is under way. */
  async atRest(): Promise<StandingKeys> {
    const trust = await this.#session.keeper.current();
    return this.#session.transport.call('key.status', vaultOf(this.#session, trust), trust, {});
  }

  /** The keys of services and renewers, as the signed directory lists them. */
  async ofServices(): Promise<ServiceKey[]> {
    const trust = await this.#session.keeper.current();
    const renewers = trust.entitiesOf('device').filter((urn) => trust.hasRole(urn, 'renewer'));
    const urns = [...KINDS.flatMap((kind) => trust.entitiesOf(kind)), ...renewers];
    return urns.flatMap((urn) => keysOf(trust, urn, this.#session.now()));
  }

  /**
   * Publishes a proposal that all have signed who must: another key of root, policy or directory, or what these sign.
   * @throws {VerifyError} signature_invalid where signatures are missing; {BullaError} what the vault refused
   */
  publish(judged: JudgedProposal): Promise<Trust> {
    return publishProposal(this.#session, judged);
  }

  /**
   * Begins to replace a key at rest. Where that goes on already, it is that job.
   * @param rotation `to` names the root key that follows, as the vault's own setting does
   * @throws {BullaError} custody_not_allowed where the vault has no root key; validation_failed where it does not hold that one
   */
  async rotate(rotation: NewRotation): Promise<Job> {
    const trust = await this.#session.keeper.current();
    return this.#session.transport.call('key.rotate', vaultOf(this.#session, trust), trust, { body: rotation });
  }

  /** Jobs, the newest first. */
  async *jobs(): AsyncGenerator<Job> {
    const trust = await this.#session.keeper.current();
    for (let cursor: string | undefined; ; ) {
      const query = { limit: PAGE, ...(cursor !== undefined && { cursor }) };
      const page = await this.#session.transport.call('job.list', vaultOf(this.#session, trust), trust, { query });
      yield* page.data;
      if (page.next_cursor === null) return;
      cursor = page.next_cursor;
    }
  }

  /** @throws {BullaError} not_found */
  async job(id: string): Promise<Job> {
    const trust = await this.#session.keeper.current();
    const params = { id: requireJobId(id) };
    return this.#session.transport.call('job.get', vaultOf(this.#session, trust), trust, { params });
  }

  /** Stops a job between two of its steps; what it did stays. @throws {BullaError} not_found */
  async cancel(id: string): Promise<void> {
    const trust = await this.#session.keeper.current();
    const params = { id: requireJobId(id) };
    await this.#session.transport.call('job.cancel', vaultOf(this.#session, trust), trust, { params });
  }
}

function keysOf(trust: Trust, urn: string, now: number): ServiceKey[] {
  return (trust.entity(urn)?.keys ?? []).map((record) => ({
    urn,
    kid: record.kid,
    use: record.use,
    purposes: record.pur,
    suite: record.suite,
    state: keyState(record, trust.isRevoked(record.kid), now),
    from: record.nbf,
    useUntil: record.use_until,
    end: record.end,
  }));
}

function requireJobId(id: string): JobId {
  const parsed = JobId.safeParse(id);
  if (!parsed.success)
    throw bullaError('validation_failed', { message: `${id} is not the id of a job (job_…)`, origin: 'client' });
  return parsed.data;
}
