import { bullaError } from '../connection/errors.js';
import { ownDetectors } from './detectors/own-detectors.js';
import type { Finding } from './finding.js';
import { mergeFindings } from './finding.js';
import { piiFailed } from './pii-refusal.js';

/** Asks another detector about all texts at once: findings for each. */
export type OtherDetector = (texts: readonly string[]) => Promise<readonly (readonly Finding[])[]>;

/** Most characters that are searched: what a question may hold. */
const CHARACTERS_MAX = 12 * 1024 * 1024;
/** Most findings of one request; a text of nothing else is not searched to its end. */
const FINDINGS_MAX = 65_536;

/**
 * What all detectors find in each text, in order and without overlap.
 * @throws {BullaError} payload_too_large, pii_policy_failed
 */
export async function searchTexts(
  texts: readonly string[],
  { country, other }: { readonly country: string | undefined; readonly other: OtherDetector | undefined },
): Promise<Finding[][]> {
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  // guard: pii-input-bound
  if (length > CHARACTERS_MAX) {
    const message = `more than ${CHARACTERS_MAX} characters are not searched for personal data`;
    throw bullaError('payload_too_large', { message, origin: 'client' });
  }
  const detectors = ownDetectors(country);
  let count = 0;
  const own = texts.map((text) => {
    const found: Finding[] = [];
    for (const detect of detectors)
      for (const finding of detect(text)) {
        // guard: pii-findings-bound
        if (++count > FINDINGS_MAX)
          throw piiFailed(`there are more than ${FINDINGS_MAX} pieces of personal data in it`);
        found.push(finding);
      }
    return found;
  });
  const others = await other?.(texts);
  return own.map((found, index) => mergeFindings([...found, ...(others?.[index] ?? [])]));
}
