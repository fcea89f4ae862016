import { strictParseBody } from '@bulla/crypto';
import * as z from 'zod';
import { readBytes } from '../connection/response-bytes.js';
import type { Finding } from './finding.js';
import { TYPE_PATTERN } from './finding.js';
import { piiFailed } from './pii-refusal.js';
import type { OtherDetector } from './pii-search.js';

const ANSWER_MAX_BYTES = 8 * 1024 * 1024;
const FINDINGS_MAX = 65_536;
const MEDIA = 'application/json';

/** What a detector answers: for each text what was found in it, in Unicode code points. */
const DetectorAnswer = z.strictObject({
  findings: z.array(
    z
      .array(
        z.strictObject({
          type: z.string().regex(TYPE_PATTERN),
          start: z.int().min(0),
          end: z.int().min(1),
        }),
      )
      .max(FINDINGS_MAX),
  ),
});

/**
 * A detector behind an address: it gets `{"texts": […]}` and answers `{"findings": [[{"type", "start", "end"}]]}`, a list
 * for each text (docs/guide/pii.md#your-own-detector).
 */
export function detectorAt(
  url: URL,
  { fetch: fetcher, timeoutMs }: { readonly fetch: typeof fetch; readonly timeoutMs: number },
): OtherDetector {
  return async (texts) => {
    const answer = await ask(url, texts, fetcher, timeoutMs);
    // guard: pii-detector-count
    if (answer.length !== texts.length) throw failed('did not answer for each text');
    return answer.map((findings, index) => inCodeUnits(texts[index] ?? '', findings));
  };
}

async function ask(url: URL, texts: readonly string[], fetcher: typeof fetch, timeoutMs: number) {
  try {
    const response = await fetcher(url, {
      method: 'POST',
      headers: { 'content-type': MEDIA, accept: MEDIA },
      body: JSON.stringify({ texts }),
      // guard: pii-detector-redirect
      redirect: 'error',
      credentials: 'omit',
      signal: AbortSignal.timeout(timeoutMs),
    });
    // guard: pii-detector-status
    if (response.status !== 200) throw new Error('status');
    const body = await readBytes(response, ANSWER_MAX_BYTES);
    return DetectorAnswer.parse(strictParseBody(body, { maxBytes: ANSWER_MAX_BYTES })).findings;
  } catch {
    // Without a cause: an answer may repeat what it was asked.
    throw failed('gave no answer that can be used');
  }
}

function failed(what: string): Error {
  return piiFailed(`the detector of personal data ${what}; nothing was sent`);
}

/** Places in code points as places in code units. */
function inCodeUnits(text: string, findings: readonly Finding[]): Finding[] {
  if (findings.length === 0) return [];
  const places = placesOf(text);
  return findings.map(({ type, start, end }) => {
    const [from, to] = [places[start], places[end]];
    // guard: pii-detector-places without: if (from === undefined || to === undefined) return { type, start, end };
    if (from === undefined || to === undefined || from >= to) throw failed('names a place that its text does not have');
    return { type, start: from, end: to };
  });
}

/** For each code point where it begins, and at last where the text ends. */
function placesOf(text: string): Uint32Array {
  const places = new Uint32Array(text.length + 1);
  let count = 0;
  let at = 0;
  for (const character of text) {
    places[count++] = at;
    at += character.length;
  }
  places[count++] = at;
  return places.subarray(0, count);
}
