import type { CompletionChunk } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { Masked } from './answer-restorer.js';
import { AnswerRestorer } from './answer-restorer.js';
import type { PiiOptions, PiiReport, PiiSettings } from './pii-settings.js';
import { isPiiDetector, PII_MODES } from './pii-settings.js';
import type { MapTexts } from './protection.js';

/** What an answer tells of what was masked in its question. */
export interface Restoration extends Masked {
  readonly report: PiiReport;
}

/** An answer that can be told with what was masked. */
interface Restorable<Self> {
  restored(by: Restoration): Self;
}

/** What passes the gate: a question, its texts, and what its answer is. */
export interface Passage<Question> extends PiiOptions {
  readonly question: Question;
  readonly map: MapTexts<Question>;
  /** Whether the answer is asked for as JSON. */
  readonly isJson?: boolean | undefined;
  /** Whether the answer may speak of what is masked; it may unless given. */
  readonly isReversible?: boolean | undefined;
}

const DETECTOR_TIMEOUT_MS = 5_000;

/** Where every question passes on its way to be sealed, and its answer on its way back. */
export class PiiGate {
  readonly #settings: PiiSettings;
  readonly #fetch: typeof fetch;

  /** @throws {BullaError} validation_failed for settings that cannot be kept */
  constructor(settings: PiiSettings, fetcher: typeof fetch) {
    requireSettings(settings);
    this.#settings = settings;
    this.#fetch = fetcher;
  }

  /**
   * Asks what may be asked; the answer comes back with what was masked, and with the report.
   * @throws {BullaError} pii_policy_failed, payload_too_large, and then nothing was sent; what `run` throws
   */
  async *pass<Question, Of extends Restorable<Of>>(
    passage: Passage<Question>,
    run: (question: Question) => AsyncGenerator<readonly CompletionChunk[], Of, undefined>,
  ): AsyncGenerator<readonly CompletionChunk[], Of, undefined> {
    const { mode, tools = [] } = this.#settings;
    if (mode === 'off') return yield* run(passage.question);
    const { question, report, values } = await this.#protect(passage, mode);
    passage.onPii?.(report);
    const masked = { values, tools: new Set(tools), isJson: passage.isJson ?? false, report };
    const restorer = new AnswerRestorer(masked);
    const chunks = run(question);
    try {
      for (;;) {
        const { done, value } = await chunks.next();
        if (done !== true) {
          yield value.flatMap((chunk) => [...restorer.read(chunk)]);
          continue;
        }
        yield [...restorer.end()];
        return value.restored(masked);
      }
    } finally {
      await chunks.return(undefined as never);
    }
  }

  async #protect<Question>({ question, map, isReversible = true }: Passage<Question>, mode: PiiReport['mode']) {
    const { country, detector, detectorTimeoutMs: timeoutMs = DETECTOR_TIMEOUT_MS } = this.#settings;
    // Not before it is needed: it brings the numbering plans of the world along.
    const [{ protect }, { detectorAt }] = await Promise.all([import('./protection.js'), import('./detector-at.js')]);
    const other = detector === undefined ? undefined : detectorAt(new URL(detector), { fetch: this.#fetch, timeoutMs });
    return protect(question, map, { mode, country, other, isReversible });
  }
}

function requireSettings({ mode, detector, country }: PiiSettings): void {
  const refuse = (message: string) => bullaError('validation_failed', { message, origin: 'client' });
  // guard: pii-mode-known
  if (!PII_MODES.includes(mode)) throw refuse(`the mode for personal data is one of ${PII_MODES.join(', ')}`);
  if (country !== undefined && !/^[A-Z]{2}$/.test(country))
    throw refuse('the country of phone numbers has two capitals, such as DE');
  // guard: pii-detector-closed
  if (detector !== undefined && !isPiiDetector(detector))
    throw refuse(
      'a detector of personal data has an https address without a password, or an http address of this machine',
    );
}
