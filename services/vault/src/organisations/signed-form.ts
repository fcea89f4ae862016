import { Problem, SignedDocument } from '@bulla/contract';

/**
 * Checks that a document leaves the vault exactly as it came: written as JSON.stringify writes its members in their
 * order, within the limits of what is served. Everybody compares and hashes what they are shown.
 * @throws {Problem} validation_failed
 */
export function requireServable(token: string): void {
  const result = SignedDocument.safeParse(parse(token));
  // guard: vault-servable
  if (!result.success || JSON.stringify(result.data) !== token) {
    throw new Problem('validation_failed', { detail: 'a document is not written as it would be served' });
  }
}

function parse(token: string): unknown {
  try {
    return JSON.parse(token);
  } catch {
    return undefined;
  }
}
