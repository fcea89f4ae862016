import { isLoopback } from '../connection/loopback.js';

/**
 * What becomes of personal data in a question before it is sealed: `detect` counts it, `mask` sends placeholders in its
 * place, `block` sends nothing.
 */
export const PII_MODES = ['off', 'detect', 'mask', 'block'] as const;
export type PiiMode = (typeof PII_MODES)[number];

/** How personal data is handled on this machine, before anything is sealed. */
export interface PiiSettings {
  readonly mode: PiiMode;
  /** A detector beside our own, which reads every text: an address of this machine, or HTTPS. */
  readonly detector?: string | URL | undefined;
  /** Longest wait for that detector, in milliseconds; 5 seconds unless given. */
  readonly detectorTimeoutMs?: number | undefined;
  /** With `mask`: names of tools in whose arguments the answer's placeholders become what they stand for; none unless given. */
  readonly tools?: readonly string[] | undefined;
  /** Phone numbers without a country code are numbers of this country (ISO 3166, such as `DE`); not looked for unless given. */
  readonly country?: string | undefined;
}

/** Whether an address may be that of a detector: it gets what nobody else is to read. */
export function isPiiDetector(address: string | URL): boolean {
  const url = URL.parse(String(address));
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

/** What was found in a question: never what it says. */
export interface PiiReport {
  readonly mode: Exclude<PiiMode, 'off'>;
  /** How often each type was found, such as `{ EMAIL: 2 }`. */
  readonly found: Readonly<Record<string, number>>;
  /** How many parts could not be searched: images and files, which only `detect` lets pass. */
  readonly unscanned: number;
}

/** How a caller is told what was found before anything of the question is sent. */
export interface PiiOptions {
  readonly onPii?: ((report: PiiReport) => void) | undefined;
}

/** A report as the value of the header `x-bulla-pii`: `mask;email=2;phone=1`. */
export function piiHeader({ mode, found, unscanned }: PiiReport): string {
  const counts = Object.entries(found).map(([type, count]) => `;${type.toLowerCase()}=${count}`);
  return `${mode}${counts.join('')}${unscanned > 0 ? `;unscanned=${unscanned}` : ''}`;
}
