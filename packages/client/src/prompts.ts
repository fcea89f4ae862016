import type { Prompt, PromptId, PromptType, VersionSummary } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { mintId } from '@bulla/crypto';
import { BullaError, bullaError } from './errors.js';
import type { PromptRef } from './labels.js';
import { moveLabel, resolveLabel } from './labels.js';
import type { OpenedVersion } from './open-version.js';
import { openVersion } from './open-version.js';
import type { PromptDraft } from './seal-version.js';
import { aclOf, sealVersion } from './seal-version.js';
import type { Session } from './session.js';
import { vaultOf } from './session.js';

export interface PushedPrompt extends PromptRef {
  readonly version: number;
  readonly chash: string;
  /** False if the newest version says the same already: then only labels moved. */
  readonly changed: boolean;
  /** URNs that the version was sealed for; empty if unchanged. */
  readonly recipients: readonly string[];
  readonly labels: readonly string[];
}

export interface PromptVersions extends PromptRef {
  readonly prompt: Prompt;
  readonly versions: readonly VersionSummary[];
}

/** Which version is meant: a number, a label, or `latest`. */
export interface VersionChoice {
  readonly version?: number | undefined;
  readonly label?: string | undefined;
}

const LATEST = 'latest';
const PAGE = 200;

/** Prompts as their authors handle them. Text is sealed and opened here, on this machine. */
export class Prompts {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Seals a draft as the next version and moves labels to it, `latest` always. An unchanged text makes no version; a
   * push that was interrupted is finished by the next.
   */
  async push(name: string, type: PromptType, draft: PromptDraft, labels: readonly string[] = []): Promise<PushedPrompt> {
    const trust = await this.#session.keeper.current();
    const prompt = (await this.find(name)) ?? (await this.#create(trust, name, type));
    if (prompt.type !== type) {
      throw bullaError('validation_failed', { message: `${name} is a ${prompt.type} prompt; its type cannot change`, origin: 'client' });
    }
    const newest = await this.#newest(trust, prompt);
    const changed = newest === undefined || !saysTheSame(newest, draft, trust, this.#session);
    const stored = changed ? await this.#store(trust, prompt, draft) : { ...newest, recipients: [] };
    for (const label of new Set([LATEST, ...labels])) {
      if (changed || !(await this.#pointsTo(trust, prompt, label, stored.version))) await moveLabel(this.#session, trust, prompt, label, stored);
    }
    const { id } = prompt;
    return { id, name, version: stored.version, chash: stored.chash, changed, recipients: stored.recipients, labels: [...labels] };
  }

  /** The prompt that bears a name now, or undefined. */
  async find(name: string): Promise<Prompt | undefined> {
    const trust = await this.#session.keeper.current();
    try {
      const found = await this.#session.transport.call('prompt.find', vaultOf(this.#session, trust), trust, { query: { name } });
      if (found.name !== name) throw bullaError('envelope_tampered', { message: 'the vault answered with another prompt', check: 'prompt-name', origin: 'client' });
      return found;
    } catch (error) {
      if (error instanceof BullaError && error.code === 'not_found' && error.origin !== 'client') return undefined;
      throw error;
    }
  }

  /**
   * The prompt that bears a name now.
   * @throws {NotFoundError} not_found
   */
  async get(name: string): Promise<Prompt> {
    const prompt = await this.find(name);
    if (prompt === undefined) throw bullaError('not_found', { message: `there is no prompt ${name}`, origin: 'client', status: 404 });
    return prompt;
  }

  /** Opens a version; its author is verified, and its label where one is named. */
  async read(name: string, choice: VersionChoice = {}): Promise<OpenedVersion> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    const resolved = choice.version === undefined ? await resolveLabel(this.#session, trust, prompt, choice.label ?? LATEST) : undefined;
    const version = choice.version ?? resolved?.version ?? 0;
    const opened = await openVersion(this.#session, trust, prompt, version, resolved?.chash);
    if (opened === undefined) throw bullaError('forbidden', { message: `${name} version ${version} is not sealed to this device`, origin: 'client', status: 403 });
    return opened;
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
      const call = { params: { id: prompt.id as PromptId }, query: { limit: PAGE, cursor } };
      const page = await this.#session.transport.call('version.list', vaultOf(this.#session, trust), trust, call);
      versions.push(...page.data);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return { id: prompt.id, name, prompt, versions };
  }

  /** Moves a label to a version, whose content is opened first: nobody signs for what they have not seen. */
  async moveLabel(name: string, label: string, version: number): Promise<{ seq: number; version: number }> {
    const opened = await this.read(name, { version });
    const trust = await this.#session.keeper.current();
    return moveLabel(this.#session, trust, await this.get(name), label, opened);
  }

  async deleteLabel(name: string, label: string): Promise<void> {
    const trust = await this.#session.keeper.current();
    await moveLabel(this.#session, trust, await this.get(name), label, 'delete');
  }

  /** Labels of a prompt whose tags have a third of their life left or less, with the version each points to. */
  async dueLabels(name: string): Promise<{ label: string; version: number }[]> {
    const session = this.#session;
    const trust = await session.keeper.current();
    const prompt = await this.get(name);
    const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, { params: { id: prompt.id as PromptId } });
    const due: { label: string; version: number }[] = [];
    for (const { label, version } of data) {
      const days = trust.labelRule(name, label).days;
      const resolved = await this.#stillGood(trust, prompt, label);
      if (resolved === undefined || resolved.expiresAt - session.now() <= (days * 86_400) / 3) due.push({ label, version });
    }
    return due;
  }

  /** Signs anew the due labels of a prompt, of versions that this device can open. Returns the labels. */
  async renewLabels(name: string): Promise<string[]> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    const renewed: string[] = [];
    for (const { label, version } of await this.dueLabels(name)) {
      const opened = await openVersion(this.#session, trust, prompt, version);
      if (opened === undefined) continue;
      await moveLabel(this.#session, trust, prompt, label, opened);
      renewed.push(label);
    }
    return renewed;
  }

  async delete(name: string): Promise<void> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.get(name);
    await this.#session.transport.call('prompt.delete', vaultOf(this.#session, trust), trust, { params: { id: prompt.id as PromptId } });
  }

  async #create(trust: Trust, name: string, type: PromptType): Promise<Prompt> {
    const body = { id: mintId('prm'), name, type };
    return this.#session.transport.call('prompt.create', vaultOf(this.#session, trust), trust, { body });
  }

  async #store(trust: Trust, prompt: Prompt, draft: PromptDraft): Promise<{ version: number; chash: string; recipients: readonly string[] }> {
    const version = prompt.latest_version + 1;
    const sealed = await sealVersion(this.#session, trust, prompt, version, draft);
    const call = { params: { id: prompt.id as PromptId }, body: sealed.body, ifMatch: prompt.latest_version };
    const stored = await this.#session.transport.call('version.create', vaultOf(this.#session, trust), trust, call);
    if (stored.version !== version || stored.chash !== sealed.chash) {
      throw bullaError('envelope_tampered', { message: 'the vault stored something else than was sent', check: 'content-hash', origin: 'client' });
    }
    return { version, chash: sealed.chash, recipients: sealed.recipients };
  }

  /** The newest version opened; where its label is signed already, it must be the content that was signed for. */
  async #newest(trust: Trust, prompt: Prompt): Promise<OpenedVersion | undefined> {
    if (prompt.latest_version === 0) return undefined;
    const latest = await this.#stillGood(trust, prompt, LATEST);
    const chash = latest?.version === prompt.latest_version ? latest.chash : undefined;
    return openVersion(this.#session, trust, prompt, prompt.latest_version, chash);
  }

  async #pointsTo(trust: Trust, prompt: PromptRef, label: string, version: number): Promise<boolean> {
    return (await this.#stillGood(trust, prompt, label))?.version === version;
  }

  /** A label, or undefined if the prompt does not bear it or its tags must be signed again. Other faults are thrown. */
  async #stillGood(trust: Trust, prompt: PromptRef, label: string) {
    try {
      return await resolveLabel(this.#session, trust, prompt, label);
    } catch (error) {
      if (error instanceof BullaError && (error.code === 'label_not_found' || error.code === 'trust_expired')) return undefined;
      throw error;
    }
  }
}

/** Whether a stored version is what the draft would become. */
function saysTheSame(stored: OpenedVersion, draft: PromptDraft, trust: Trust, session: Session): boolean {
  const { content, acl, input } = stored.statement;
  const next = { content: draft.content, acl: aclOf(draft, trust, session.identity.urn), input: { messages: draft.acceptsMessages } };
  return JSON.stringify({ content, acl, input }) === JSON.stringify(next);
}

