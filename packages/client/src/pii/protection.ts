import type { ProblemError } from '@bulla/contract';
import type { Finding } from './finding.js';
import { mergeFindings } from './finding.js';
import { mapJsonText } from './json-text.js';
import { piiRefused } from './pii-refusal.js';
import type { OtherDetector } from './pii-search.js';
import { searchTexts } from './pii-search.js';
import type { PiiReport } from './pii-settings.js';
import type { MaskedValues } from './placeholders.js';
import { chooseTag, lookAlikes, Placeholders } from './placeholders.js';
import type { TextVisitor } from './question-texts.js';

/** A question whose texts can be visited, always in the same order. */
export type MapTexts<Question> = (question: Question, visit: TextVisitor) => Question;

/** How a question is protected. */
export interface ProtectionTerms {
  readonly mode: PiiReport['mode'];
  readonly country: string | undefined;
  readonly other: OtherDetector | undefined;
  /** Whether the answer may speak of what is masked. One of embeddings does not, and equal texts get equal ones then. */
  readonly isReversible: boolean;
}

/** A question as it may be sent. */
export interface Protected<Question> {
  readonly question: Question;
  readonly report: PiiReport;
  readonly values: MaskedValues;
}

const NOTHING: MaskedValues = new Map();

/**
 * Searches a question and masks what was found, or refuses it.
 * @throws {BullaError} pii_policy_failed, with the places of what is refused in `errors`; payload_too_large
 */
export async function protect<Question>(
  question: Question,
  map: MapTexts<Question>,
  terms: ProtectionTerms,
): Promise<Protected<Question>> {
  const { mode, isReversible } = terms;
  const said = new Collector();
  map(question, said);
  // guard: pii-unscannable
  if (mode !== 'detect' && said.unscannable.length > 0) throw piiRefused(mode, 'cannot be searched', said.unscannable);
  const texts = said.texts.map(({ text }) => text);
  const findings = await searchTexts(texts, terms);
  const report = { mode, found: countTypes(findings.flat()), unscanned: said.unscannable.length };
  const refused = mode === 'detect' ? [] : refusedPlaces(said.texts, findings, mode);
  // guard: pii-refused
  if (refused.length > 0) throw piiRefused(mode, 'holds personal data', refused);
  if (mode !== 'mask') return { question, report, values: NOTHING };
  if (!isReversible)
    return {
      question: map(question, new Masker(texts.map((text, at) => named(text, findings[at])))),
      report,
      values: NOTHING,
    };
  const placeholders = new Placeholders(chooseTag(texts));
  const masked = texts.map((text, at) =>
    placeholders.mask(text, mergeFindings([...(findings[at] ?? []), ...lookAlikes(text)])),
  );
  return { question: map(question, new Masker(masked)), report, values: placeholders.values };
}

function countTypes(findings: readonly Finding[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of findings) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** With `block` every text that something was found in; with `mask` names that cannot be others. */
function refusedPlaces(
  texts: readonly VisitedText[],
  findings: readonly (readonly Finding[])[],
  mode: PiiReport['mode'],
): ProblemError[] {
  return texts.flatMap(({ pointer, isFixed }, at) => {
    const types = new Set(findings[at]?.map(({ type }) => type));
    return types.size > 0 && (mode === 'block' || isFixed) ? [{ pointer, message: [...types].join(', ') }] : [];
  });
}

/** A text with the types of what was in it. */
function named(text: string, findings: readonly Finding[] = []): string {
  let at = 0;
  const pieces = findings.map(({ type, start, end }) => {
    const piece = `${text.slice(at, start)}<${type}>`;
    at = end;
    return piece;
  });
  return pieces.join('') + text.slice(at);
}

interface VisitedText {
  readonly text: string;
  readonly pointer: string;
  readonly isFixed: boolean;
}

/** Notes every text, and changes none. */
class Collector implements TextVisitor {
  readonly texts: VisitedText[] = [];
  readonly unscannable: ProblemError[] = [];

  text(text: string, pointer: string): string {
    this.texts.push({ text, pointer, isFixed: false });
    return text;
  }

  programText(text: string, pointer: string): string {
    return mapJsonText(text, (said) => this.text(said, pointer)) ?? this.text(text, pointer);
  }

  fixed(text: string, pointer: string): void {
    this.texts.push({ text, pointer, isFixed: true });
  }

  unscannablePart(kind: string, pointer: string): void {
    this.unscannable.push({ pointer, message: kind });
  }
}

/** Gives other texts in the place of those that a collector noted. */
class Masker implements TextVisitor {
  readonly #texts: Iterator<string>;

  constructor(texts: readonly string[]) {
    this.#texts = texts.values();
  }

  text(): string {
    return this.#texts.next().value as string;
  }

  programText(text: string): string {
    return mapJsonText(text, () => this.text()) ?? this.text();
  }

  fixed(): void {
    this.#texts.next();
  }

  unscannablePart(): void {
    // It has no text.
  }
}
