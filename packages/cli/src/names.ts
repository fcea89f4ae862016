import { Label, PromptName, PromptQuery } from '@bulla/contract';
import { parseUrn } from '@bulla/crypto';
import { UsageError } from './usage-error.js';

/** @throws {UsageError} */
export function requirePromptName(text: string): string {
  if (PromptName.safeParse(text).success) return text;
  throw new UsageError(
    'that is not the name of a prompt',
    'names are lower-case words with hyphens, in folders: claims/triage',
  );
}

/** @throws {UsageError} */
export function requirePrefix(text: string): string {
  if (PromptQuery.shape.prefix.safeParse(text).success) return text;
  throw new UsageError(
    'no name of a prompt begins like that',
    'names are lower-case words with hyphens, in folders: claims/triage',
  );
}

/** @throws {UsageError} */
export function requireLabel(text: string): string {
  if (Label.safeParse(text).success) return text;
  throw new UsageError('that is not a label', 'labels are lower-case words with hyphens: production, staging');
}

/** @throws {UsageError} */
export function requireVersion(text: string): number {
  const version = /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : undefined;
  if (version !== undefined) return version;
  throw new UsageError(
    'that is not a version',
    'versions are whole numbers that count from 1; `bulla prompt history NAME` lists them',
  );
}

/** As whom names are shown: a device, and what people are called there. */
export interface Beholder {
  readonly self: string;
  /** What the person is called whose device it is. */
  readonly personOf: (urn: string) => string | undefined;
}

/** A URN in few words: who it is, as seen by `by`, a device alone or a beholder. */
export function shortName(urn: string, by: string | Beholder): string {
  const { self, personOf } = typeof by === 'string' ? { self: by, personOf: () => undefined } : by;
  if (urn === self) return 'this device';
  const person = personOf(urn);
  return person === undefined ? shortUrn(urn) : `${shortUrn(urn)} (${person})`;
}

function shortUrn(urn: string): string {
  const parsed = parseUrn(urn);
  if (parsed === undefined) return urn;
  if (parsed.kind === 'recovery') return 'recovery key';
  return urn.split(':').slice(3).join(':').replace(/^svc:/, '').replace(':', ' ');
}
