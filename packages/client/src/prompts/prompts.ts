import type { Prompt, PromptType, VersionSummary } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { mintId, urnOf } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import { requireClearAllowed, storeClearVersion } from './clear-version.js';
import { findPrompt } from './find-prompt.js';
import { dueLabels, renewLabels } from '../labels/label-confirmation.js';
import type { LabelBase, LabelOutcome, LabelTarget } from '../labels/label-moves.js';
import { baseOf, moveLabel } from '../labels/label-moves.js';
import type { PromptRef } from '../labels/labels.js';
import { LATEST, notBorne, resolveIfGood, resolveLabel } from '../labels/labels.js';
import { previousTarget } from '../labels/label-history.js';
import { grantMissing } from './missing-grants.js';
import type { OpenedVersion } from './open-version.js';
import { openVersion } from './open-version.js';
import type { WidelyRead } from './other-readers.js';
import { otherReaders } from './other-readers.js';
import type { ProposedMove } from '../labels/proposed-move.js';
import { isUnreadable, proposeMove, signMove } from '../labels/proposed-move.js';
import type { PromptDraft } from './seal-version.js';
import { saysTheSame } from './seal-version.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import type { LabelBases, NumberedPrompt, StoredVersion } from './store-version.js';
import { basesOf, moveEach, storeNewPrompt, storeVersion } from './store-version.js';
import { contentOf } from '../trust/trust-store.js';
import type { PushedPrompt } from './pushed-prompt.js';
import { requireVariables } from './variable-errors.js';

export type { PushedPrompt };

export interface PromptVersions extends PromptRef {
  readonly prompt: Prompt;
  readonly versions: readonly VersionSummary[];
}

/** Which version is meant: a number, a label, or `latest`. */
export interface VersionChoice {
  readonly version?: number | undefined;
  readonly label?: string | undefined;
  /** Opens one that was sealed before contents committed to their key, too: to be read, and pushed again. */
  readonly earlier?: boolean | undefined;
}

const PAGE = 200;

/** Prompts as their authors handle them. Text is sealed and opened here, on this machine. */
export class Prompts {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Seals a draft as the next version and moves labels to it, `latest` always. An unchanged text makes no version:
   * it is sealed to those who came since and may have it. A push that was interrupted is finished by the next.
   * @param newKey makes one of an unchanged text too: who is out by now gets no grant of its data key.
   * @param clear sends the text as it is, over TLS, under a name that the vault manages: the vault signs and seals it.
   * @throws {BullaError} validation_failed, before anything is sealed, for a text whose variables are not as declared; as
   *   requireClearAllowed
   */
  async push(
    name: string,
    type: PromptType,
    draft: PromptDraft,
    labels: readonly string[] = [],
    { newKey = false, clear = false } = {},
  ): Promise<PushedPrompt> {
    requireVariables(draft);
    const trust = await this.#session.keeper.newest();
    if (clear) requireClearAllowed(this.#session, trust, name);
    const found = await this.find(name);
    const prompt = found ?? { id: mintId('prm'), name, type, latest_version: 0 };
    const message = `${name} is a ${prompt.type} prompt; its type cannot change`;
    if (prompt.type !== type) throw bullaError('validation_failed', { message, origin: 'client' });
    // Before anything is stored: what labels are moved from is what was there when this began.
    const bases = found === undefined ? undefined : await basesOf(this.#session, trust, prompt, labels);
    const newest = await this.#newest(trust, prompt);
    const changed =
      newKey || newest === undefined || !saysTheSame(newest.statement, draft, trust, this.#session.identity.urn);
    let stored: StoredVersion;
    if (clear && changed) stored = await storeClearVersion(this.#session, trust, prompt, draft, { bases, labels });
    else if (bases === undefined) stored = await storeNewPrompt(this.#session, trust, prompt, draft, labels);
    else if (changed) stored = await storeVersion(this.#session, trust, prompt, draft, { bases, isNew: false });
    else stored = await this.#keep(trust, prompt, newest, bases);
    const pending = stored.labels.filter((one) => one.pending !== undefined);
    const waiting = new Set(pending.map(({ label }) => label));
    const { id } = prompt;
    return {
      id,
      name,
      version: stored.version,
      chash: stored.chash,
      custody: stored.custody,
      changed,
      recipients: stored.recipients,
      labels: labels.filter((label) => !waiting.has(label)),
      pending,
    };
  }

  /** The prompt that bears a name now, or undefined. */
  async find(name: string): Promise<Prompt | undefined> {
    return findPrompt(this.#session, await this.#session.keeper.current(), name);
  }

  /**
   * The prompt that bears a name now.
   * @throws {NotFoundError} not_found
   */
  async get(name: string): Promise<Prompt> {
    const prompt = await this.find(name);
    if (prompt !== undefined) return prompt;
    const told = { origin: 'client', status: 404, details: { kind: 'prompt', name } } as const;
    throw bullaError('not_found', { message: `there is no prompt ${name}`, ...told });
  }

  /**
   * Opens a version; its author is verified, and by a label what its name stands for: by `latest` where a version is
   * named. What a tag once said about the content of that version must still hold.
   */
  async read(name: string, { version: named, label, earlier }: VersionChoice = {}): Promise<OpenedVersion> {
    if (named !== undefined && label !== undefined) {
      throw bullaError('validation_failed', {
        message: 'name either a version or a label, not both',
        origin: 'client',
      });
    }
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    const known = named === undefined ? undefined : await this.#known(trust, prompt, named);
    const ofKnown = known !== undefined;
    const resolved = await resolveLabel(this.#session, trust, prompt, label ?? LATEST, { ofKnown });
    const version = named ?? resolved.version;
    const chash =
      version === resolved.version ? resolved.chash : contentOf(await this.#session.labels.seen(name), version);
    return this.#open(trust, prompt, { version, chash, earlier });
  }

  /** All prompts whose names begin with `prefix`. */
  async *list(prefix?: string): AsyncGenerator<Prompt> {
    const trust = await this.#session.keeper.current();
    let cursor: string | undefined;
    do {
      const query = { prefix, label: undefined, status: undefined, limit: PAGE, cursor };
      const page = await this.#session.transport.call('prompt.list', vaultOf(this.#session, trust), trust, { query });
      yield* page.data;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Every version of a prompt, newest first. */
  async history(name: string): Promise<PromptVersions> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    const versions: VersionSummary[] = [];
    let cursor: string | undefined;
    do {
      const call = { params: { id: prompt.id }, query: { limit: PAGE, cursor } };
      const page = await this.#session.transport.call('version.list', vaultOf(this.#session, trust), trust, call);
      versions.push(...page.data);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return { id: prompt.id, name, prompt, versions };
  }

  /**
   * Opens a version for somebody who is to point a label to it, beside the version that the label points to now. Signed by
   * `sign`, or not at all.
   */
  async proposeMove(name: string, label: string, version: number): Promise<ProposedMove> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    const base = await baseOf(this.#session, trust, prompt, label);
    const opened = await this.read(name, { version });
    return proposeMove(this.#session, trust, prompt, label, opened, base);
  }

  /**
   * The same for the version that a label pointed to before.
   * @throws {BullaError} label_stale (label-history) where no signatures prove which it was: then a person names one
   */
  async proposeRollback(name: string, label: string): Promise<ProposedMove> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    const base = await baseOf(this.#session, trust, prompt, label);
    const opened = await this.#open(trust, prompt, await previousTarget(this.#session, trust, prompt, label, base));
    return proposeMove(this.#session, trust, prompt, label, opened, base);
  }

  /** Signs what was proposed: that content, for that position, whatever the vault has by now. */
  async sign(move: ProposedMove): Promise<LabelOutcome> {
    return signMove(this.#session, await this.#session.keeper.current(), move);
  }

  /** Moves a label to a version for a program that has decided: nobody is shown what is opened and signed. */
  async moveLabel(name: string, label: string, version: number): Promise<LabelOutcome> {
    return this.sign(await this.proposeMove(name, label, version));
  }

  /** Moves a label back to the version that it pointed to before, as moveLabel; a second time goes there again. */
  async rollback(name: string, label: string): Promise<LabelOutcome> {
    return this.sign(await this.proposeRollback(name, label));
  }

  /** @throws {NotFoundError} label_not_found if the prompt does not bear it, by the vault's word */
  async deleteLabel(name: string, label: string): Promise<LabelOutcome> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    // Nothing is taken from the vault's word here: a label that it hides is not followed by anybody who asks it.
    if (!prompt.labels.some((one) => one.label === label)) throw notBorne(prompt, label);
    const base = await baseOf(this.#session, trust, prompt, label);
    return moveLabel(this.#session, trust, prompt, label, 'delete', base);
  }

  /**
   * Labels of a prompt whose tags end within 65 days, or within a third of a shorter life, or are no longer good; with the
   * version each points to, by the vault's word where no tag can say it.
   */
  async dueLabels(name: string): Promise<{ label: string; version: number }[]> {
    const due = await dueLabels(this.#session, await this.#session.keeper.current(), await this.get(name));
    return due.map(({ label, version }) => ({ label, version }));
  }

  /**
   * Begins labels of a prompt anew that this device signed before positions had a predecessor.
   * @returns the labels.
   */
  async renewLabels(name: string): Promise<string[]> {
    const trust = await this.#session.keeper.current();
    return renewLabels(this.#session, trust, await this.get(name));
  }

  /** Versions that others can read than those who write this name or sign its labels. */
  async otherReaders(name: string): Promise<WidelyRead[]> {
    const trust = await this.#session.keeper.current();
    return otherReaders(this.#session, trust, await this.get(name));
  }

  async delete(name: string): Promise<void> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    await this.#session.transport.call('prompt.delete', vaultOf(this.#session, trust), trust, {
      params: { id: prompt.id },
    });
  }

  /** `H(C)` that this client knows of a version, if the name stands for the prompt of which it knows it. */
  async #known(trust: Trust, { id, name }: PromptRef, version: number): Promise<string | undefined> {
    const seen = await this.#session.labels.seen(name);
    return seen?.sub === urnOf(trust.org, 'prompt', id) ? contentOf(seen, version) : undefined;
  }

  async #open(
    trust: Trust,
    prompt: PromptRef,
    wanted: { readonly version: number; readonly chash: string | undefined; readonly earlier?: boolean | undefined },
  ): Promise<OpenedVersion> {
    const opened = await openVersion(this.#session, trust, prompt, wanted);
    if (opened !== undefined) return opened;
    const message = `${prompt.name} version ${wanted.version} is not sealed to this device`;
    const details = { kind: 'unsealed', name: prompt.name, versions: [wanted.version] } as const;
    throw bullaError('forbidden', { message, origin: 'client', status: 403, details });
  }

  /** The newest version opened; where its label is signed already, it must be the content that was signed for. */
  async #newest(trust: Trust, prompt: NumberedPrompt): Promise<OpenedVersion | undefined> {
    const version = prompt.latest_version;
    if (version === 0) return undefined;
    const latest = await resolveIfGood(this.#session, trust, prompt, LATEST);
    const chash = latest?.version === version ? latest.chash : undefined;
    try {
      return await openVersion(this.#session, trust, prompt, { version, chash });
    } catch (error) {
      if (isUnreadable(error)) return undefined;
      throw error;
    }
  }

  /** Of an unchanged text: seals it to those who came since, and moves labels that do not point to it. */
  async #keep(trust: Trust, prompt: PromptRef, newest: OpenedVersion, bases: LabelBases): Promise<StoredVersion> {
    const { recipients } = await grantMissing(this.#session, trust, prompt, newest);
    const elsewhere = new Map<string, LabelBase>();
    for (const [label, base] of bases)
      if (!(await this.#pointsTo(trust, prompt, label, newest))) elsewhere.set(label, base);
    const labels = await moveEach(this.#session, trust, prompt, newest, elsewhere);
    const { version, chash } = newest;
    return { version, chash, custody: newest.statement.custody, recipients, labels };
  }

  async #pointsTo(trust: Trust, prompt: PromptRef, label: string, { version, chash }: LabelTarget): Promise<boolean> {
    const resolved = await resolveIfGood(this.#session, trust, prompt, label);
    return resolved?.version === version && resolved.chash === chash;
  }
}
