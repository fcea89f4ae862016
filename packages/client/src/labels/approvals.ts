import type { Approval } from '@bulla/contract';
import type { GatheredTags, Trust } from '@bulla/crypto';
import { gatherTags, parseTag, parseUrn, urnOf } from '@bulla/crypto';
import type { ErrorDetails } from '../connection/errors.js';
import { BullaError, bullaError, checked } from '../connection/errors.js';
import { rememberedOf } from './label-memory.js';
import type { LabelOutcome } from './label-moves.js';
import { baseOf, outcomeOf, signPosition } from './label-moves.js';
import type { PromptRef } from './labels.js';
import { OUTDATED, stale } from './labels.js';
import { openVersion } from '../prompts/open-version.js';
import type { ProposedMove } from './proposed-move.js';
import { proposeMove, requireNotPassed, targetOf } from './proposed-move.js';
import type { Session } from '../connection/session.js';
import { noticeRemade, vaultOf } from '../connection/session.js';

/** A move of a label that waits for further people, as the tags of those who signed say; the vault's word is not needed. */
export interface PendingApproval {
  readonly id: string;
  readonly prompt: PromptRef;
  readonly label: string;
  readonly seq: number;
  /** `pos` of the position that it follows; empty where the label begins. */
  readonly prev: string;
  /** 0 where the label is to be deleted. */
  readonly version: number;
  /** Of the version's content; empty where the label is to be deleted. */
  readonly chash: string;
  /** URNs of the devices whose tags count now, one of each person. */
  readonly signers: readonly string[];
  /** How many people the policy asks for. */
  readonly needed: number;
  /** Seconds: when it has waited long enough for the others, and ends. */
  readonly expiresAt: number;
}

/** What waits, and what this device opened of it: what is shown to a person, and what they then sign. */
export interface ProposedApproval extends ProposedMove {
  readonly approval: PendingApproval;
}

interface WaitingTags extends GatheredTags {
  /** Seconds. */
  readonly endsWaiting: number;
}

/** Each comes with up to sixteen tags. */
const PAGE = 50;

/** Moves of protected labels, each to be signed by several people. Nobody signs here what they have not verified. */
export class Approvals {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Those that wait, newest first, as the vault shows them: nobody has verified them yet, `get` does. */
  async *list(state: Approval['state'] = 'open'): AsyncGenerator<Approval> {
    const trust = await this.#session.keeper.current();
    let cursor: string | undefined;
    do {
      const query = { state, limit: PAGE, cursor };
      const page = await this.#session.transport.call('approval.list', vaultOf(this.#session, trust), trust, { query });
      yield* page.data;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /**
   * What waits, read from its tags: each is verified, and what the vault says beside them must be the same.
   * @throws {BullaError} not_found; label_stale if it waits no longer; trust_expired if no tag counts any more;
   *   envelope_tampered, signature_invalid, …
   */
  async get(id: string): Promise<PendingApproval> {
    return this.#verified(await this.#session.keeper.current(), id);
  }

  /**
   * What waits beside where the label points now, as far as this device can open both.
   * @throws {BullaError} label_stale if it does not follow the position at which this client knows the label to be
   */
  async open(approval: PendingApproval): Promise<ProposedApproval> {
    const session = this.#session;
    const trust = await session.keeper.current();
    const { prompt, label, seq, prev, version } = approval;
    await this.#requireKnown(trust, approval);
    const base = await baseOf(session, trust, prompt, label);
    // guard: client-approval-next
    if (base.seq !== seq - 1 || base.pos !== prev) throw stale(label);
    const target = version > 0 ? await openVersion(session, trust, prompt, approval) : undefined;
    return { ...(await proposeMove(session, trust, prompt, label, target, base)), approval };
  }

  /**
   * What this person is to sign: the next position of the label as this client counts it, for the prompt it knows under
   * this name, and the very content that those before have signed, which this device opened.
   * @throws {BullaError} forbidden where this person has signed, may not, or cannot see what they would sign
   */
  async prepare(id: string): Promise<ProposedApproval> {
    const approval = await this.get(id);
    this.#requireAnother(await this.#session.keeper.current(), approval);
    const move = await this.open(approval);
    const { prompt, version } = approval;
    // guard: client-approval-opened
    if (version > 0 && move.target === undefined) {
      throw notAllowed(
        `${prompt.name} version ${version} is not sealed to this device, which cannot see what it would sign`,
        { kind: 'unsealed', name: prompt.name, versions: [version] },
      );
    }
    return move;
  }

  /**
   * Signs the same as those before.
   * @param what as it was prepared and looked at; with an id it is prepared here and nobody looks, for programs that have
   *   decided
   */
  async give(what: ProposedApproval | string): Promise<LabelOutcome & { readonly approval: PendingApproval }> {
    const session = this.#session;
    const { approval, ...move } = typeof what === 'string' ? await this.prepare(what) : what;
    const { prompt, label, seq, prev } = move;
    const trust = await session.keeper.current();
    await requireNotPassed(session, move);
    // What was opened, not what the vault says of it: nothing is fetched again.
    const position = { ...targetOf(move), seq, prev };
    const tag = await signPosition(session, trust, prompt, label, position);
    const call = { params: { id: approval.id }, body: { tag } };
    const result = await session.transport.call('approval.give', vaultOf(session, trust), trust, call);
    return { ...(await outcomeOf(session, trust, prompt, label, { ...position, tag }, result)), approval };
  }

  /** Ends what waits. Tags that were given stay signed words until they expire; another move of the label voids them. */
  async drop(id: string): Promise<void> {
    const trust = await this.#session.keeper.current();
    await this.#session.transport.call('approval.drop', vaultOf(this.#session, trust), trust, { params: { id } });
  }

  async #verified(trust: Trust, id: string): Promise<PendingApproval> {
    const session = this.#session;
    const call = { params: { id } };
    const shown = await session.transport.call('approval.get', vaultOf(session, trust), trust, call);
    if (shown.id !== id) throw changed('the vault answered with another approval');
    if (shown.state === 'done' || shown.state === 'dropped') {
      throw bullaError('label_stale', { message: `this approval is ${shown.state}`, origin: 'vault', status: 412 });
    }
    const tags = await this.#countingTags(trust, shown);
    const [first] = tags;
    if (first === undefined) {
      throw bullaError('trust_expired', {
        message: 'no tag of this approval counts any more: sign the move anew to begin it again',
        origin: 'client',
      });
    }
    const { sub, name, label, version, chash, seq, prev, pos, needed } = first;
    const promptId = parseUrn(sub)?.id ?? '';
    const says = [promptId, version, chash, seq];
    const isSame = JSON.stringify(says) === JSON.stringify([shown.prompt, shown.version, shown.chash, shown.seq]);
    const areEqual = tags.every((tag) => tag.pos === pos);
    if (
      !isSame || // guard: client-approval-says
      !areEqual // guard: client-approval-equal
    )
      throw changed('the tags of this approval do not say what the vault says of it');
    const byUser = new Map(tags.flatMap(({ signers }) => signers).map((urn) => [trust.userOf(urn), urn]));
    const expiresAt = Math.max(...tags.map((tag) => tag.endsWaiting));
    return {
      id,
      prompt: { id: promptId, name },
      label,
      seq,
      prev,
      version,
      chash,
      signers: [...byUser.values()],
      needed,
      expiresAt,
    };
  }

  /** The tags that are good now and still wait. Those that time or a leaver has made void do not count; a lie is thrown. */
  async #countingTags(trust: Trust, { name, label, tags }: Approval): Promise<WaitingTags[]> {
    const { keeper, now } = this.#session;
    const good: WaitingTags[] = [];
    for (const tag of tags) {
      try {
        const gathered = await keeper.withKnownKeys(trust, (known) =>
          checked(() => gatherTags([tag], { trust: known, name, label, now: now() })),
        );
        const endsWaiting = parseTag(tag).claims.iat + trust.pendingSeconds;
        // guard: client-approval-ended without: good.push({ ...gathered, endsWaiting });
        if (endsWaiting > now()) good.push({ ...gathered, endsWaiting });
      } catch (error) {
        if (!(error instanceof BullaError) || !OUTDATED.has(error.code)) throw error;
      }
    }
    return good;
  }

  /** A name stands for one prompt; only a label whose moves are known may say that it was made again. */
  async #requireKnown(trust: Trust, { prompt: { id, name }, label }: PendingApproval): Promise<void> {
    const seen = await this.#session.labels.seen(name);
    const sub = urnOf(trust.org, 'prompt', id);
    // guard: client-approval-remade
    if (seen !== undefined && seen.sub !== sub && rememberedOf(seen, label) === undefined) throw stale(label);
    noticeRemade(this.#session, seen, { name, sub });
  }

  #requireAnother(trust: Trust, { prompt, label, signers }: PendingApproval): void {
    const { urn } = this.#session.identity;
    if (!trust.mayTag(urn, prompt.name, label)) throw notAllowed(`this device may not sign label ${label}`);
    const user = trust.userOf(urn);
    // guard: client-approval-once
    if (signers.some((signer) => trust.userOf(signer) === user)) {
      throw notAllowed('you have signed this already; one person counts once, whatever the device');
    }
  }
}

function notAllowed(message: string, details?: ErrorDetails): BullaError {
  return bullaError('forbidden', { message, origin: 'client', details, status: 403 });
}

function changed(message: string): BullaError {
  return bullaError('envelope_tampered', { message, check: 'approval', origin: 'client' });
}
