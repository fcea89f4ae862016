import { textOf } from './alphabet.js';
import * as limits from './limits.js';

/**
 * A compact JWS or JWE as a string. Only its alphabet and length are checked here; what it says is
 * for whoever verifies it.
 * @param charactersMax its largest length.
 */
export const Token = (charactersMax: number) => textOf('A-Za-z0-9_.-', charactersMax, 'must be a compact token');

/** Prompt content C, opaque to the vault. */
export const ContentToken = Token(limits.CONTENT_CHARACTERS_MAX);
/** Grant W: the key of one content, wrapped to one recipient. */
export const GrantToken = Token(limits.GRANT_CHARACTERS_MAX);
/** Envelope E. */
export const EnvelopeToken = Token(limits.ENVELOPE_CHARACTERS_MAX);
/** Tag T: a signed position of a label. */
export const TagToken = Token(limits.TAG_CHARACTERS_MAX);
/** F: a renewer's word that a position or a directory is the newest. */
export const FreshToken = Token(limits.FRESH_CHARACTERS_MAX);
/** Question I, sealed to a responder. */
export const QuestionToken = Token(limits.QUESTION_CHARACTERS_MAX);

/**
 * Root, policy or directory: a General JSON JWS as one string, so that its bytes survive the journey.
 * The alphabet is that of such an object in canonical JSON: no spaces, no escapes.
 */
export const DocumentToken = textOf(
  String.raw`A-Za-z0-9_\-"{}[\]:,`,
  limits.DOCUMENT_CHARACTERS_MAX,
  'must be a signed document without spaces',
).refine(
  (text) => text.length > 2 && text.startsWith('{') && text.endsWith('}'),
  'must be a signed document without spaces',
);
