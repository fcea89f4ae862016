import * as z from 'zod';
import * as limits from './limits.js';

/**
 * A compact JWS or JWE as a string. Only its alphabet and length are checked here; what it says is
 * for whoever verifies it.
 * @param charactersMax its largest length.
 */
export const Token = (charactersMax: number) =>
  z
    .string()
    .min(1, 'must not be empty')
    .max(charactersMax, `must have at most ${charactersMax} characters`)
    .regex(/^[A-Za-z0-9_.-]+$/, 'must be a compact token');

/** Prompt content C, opaque to the vault. */
export const ContentToken = Token(limits.CONTENT_CHARACTERS_MAX);
/** Grant W: the key of one content, wrapped to one recipient. */
export const GrantToken = Token(limits.GRANT_CHARACTERS_MAX);
/** Envelope E. */
export const EnvelopeToken = Token(limits.ENVELOPE_CHARACTERS_MAX);
/** Tag T: a signed position of a label. */
export const TagToken = Token(limits.TAG_CHARACTERS_MAX);
/** Question I, sealed to a responder. */
export const QuestionToken = Token(limits.QUESTION_CHARACTERS_MAX);

/**
 * Root, policy or directory: a General JSON JWS as one string, so that its bytes survive the journey.
 * The alphabet is that of such an object in canonical JSON: no spaces, no escapes.
 */
export const DocumentToken = z
  .string()
  .min(2, 'must not be empty')
  .max(limits.DOCUMENT_CHARACTERS_MAX, `must have at most ${limits.DOCUMENT_CHARACTERS_MAX} characters`)
  .regex(/^\{[A-Za-z0-9_\-"{}[\]:,]+\}$/, 'must be a signed document without spaces');
