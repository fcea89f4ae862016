import { bullaError } from '../connection/errors.js';
import type { BelowRule, LabelRules } from './label-rules.js';
import { belowRules } from './label-rules.js';
import type { LabelDates } from './label-dates.js';
import { labelDates } from './label-dates.js';
import type { LabelAdoption } from './label-adoption.js';
import { readAdoption } from './label-adoption.js';
import type { ConfirmedLabel } from './label-confirmation.js';
import { confirmLabel, standingLabel } from './label-confirmation.js';
import type { LabelFork } from './label-heads.js';
import type { LabelOutcome } from './label-moves.js';
import type { PromptRef } from './labels.js';
import type { MissingWords } from './missing-words.js';
import { missingWords } from './missing-words.js';
import type { OpenedVersion } from '../prompts/open-version.js';
import { openVersion } from '../prompts/open-version.js';
import type { Prompts } from '../prompts/prompts.js';
import type { Session } from '../connection/session.js';
import { staleLabels } from './stale-labels.js';

/** Where labels stand as this client remembers it, and what a person does about that. */
export class HeldLabels {
  readonly #session: Session;
  readonly #prompts: Prompts;

  constructor(session: Session, prompts: Prompts) {
    this.#session = session;
    this.#prompts = prompts;
  }

  /**
   * Where a label stands, and the version it points to, opened: for somebody to read, and confirm.
   * @throws {BullaError} label_not_found if it is deleted; forbidden if the version is not sealed to this device;
   *   trust_rollback; trust_expired, … where it has to be adopted first
   */
  async standing(
    name: string,
    label: string,
  ): Promise<ConfirmedLabel & { readonly prompt: PromptRef; readonly opened: OpenedVersion }> {
    const trust = await this.#session.keeper.current();
    const prompt = await this.#prompts.get(name);
    const standing = await standingLabel(this.#session, trust, prompt, label);
    const opened = await openVersion(this.#session, trust, prompt, standing);
    if (opened !== undefined) return { ...standing, prompt: { id: prompt.id, name }, opened };
    const message = `${name} version ${standing.version} is not sealed to this device, which cannot see what it would sign`;
    const details = { kind: 'unsealed', name, versions: [standing.version] } as const;
    throw bullaError('forbidden', { message, origin: 'client', status: 403, details });
  }

  /**
   * Adds this person's tag to the position of a label that they looked at: it lasts longer, and points where it did.
   * @throws {ConflictError} label_stale if the label has moved since
   */
  async confirm(name: string, standing: ConfirmedLabel): Promise<LabelOutcome> {
    const trust = await this.#session.keeper.current();
    return confirmLabel(this.#session, trust, await this.#prompts.get(name), standing);
  }

  /** What this client remembers of a label beside what the vault shows, for a person to choose. */
  async adoption(name: string, label: string): Promise<LabelAdoption> {
    const trust = await this.#session.keeper.current();
    return readAdoption(this.#session, trust, await this.#prompts.get(name), label);
  }

  /** Puts the position that a person chose in the place of what this client remembers. */
  adopt({ position }: LabelAdoption): Promise<void> {
    return this.#session.labels.adopt(position);
  }

  /** Labels of a prompt that nobody has called the newest lately: they do not run, and no person's signature mends that. */
  async stale(name: string): Promise<readonly string[]> {
    const trust = await this.#session.keeper.current();
    return staleLabels(this.#session, trust, await this.#prompts.get(name));
  }

  /**
   * Until when each label of a prompt counts: by its signatures, and as the newest.
   * @param prompt its name, or what `prompts.list` said of it, which saves a request
   */
  async dates(prompt: string | PromptRef): Promise<readonly LabelDates[]> {
    const trust = await this.#session.keeper.current();
    const found = typeof prompt === 'string' ? await this.#prompts.get(prompt) : prompt;
    return labelDates(this.#session, trust, found);
  }

  /**
   * Labels of a prompt that would have too few signatures under other rules.
   * @param rules as a policy has them
   */
  async belowRules(name: string, rules: LabelRules): Promise<readonly BelowRule[]> {
    const trust = await this.#session.keeper.current();
    return belowRules(this.#session, trust, await this.#prompts.get(name), rules);
  }

  /**
   * Labels of a prompt that moved more than a day ago, and listed renewers who have not called that the newest: what is
   * kept from them may be kept from others.
   */
  async missingWords(name: string): Promise<readonly MissingWords[]> {
    const trust = await this.#session.keeper.current();
    return missingWords(this.#session, trust, await this.#prompts.get(name));
  }

  /** Pairs of positions that contradict each other and that nobody has settled, the newest last, as their tags say. */
  forks(): Promise<readonly LabelFork[]> {
    return this.#session.labels.forks();
  }
}
