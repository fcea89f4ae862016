import { textOf } from './alphabet.js';
import * as limits from './http/limits.js';

/** The first characters of such tokens; a whole one has some hundreds to thousands. */
const EXAMPLE_JWS = 'eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJ1cm46YnVsbGE6YWNtZSJ9.c2lnbmF0dXJl';
const EXAMPLE_JWE = 'eyJhbGciOiJSU0EtT0FFUC0yNTYifQ.a2V5.bm9uY2U.c2VhbGVk.dGFn';

/**
 * A compact JWS or JWE as a string. Only its alphabet and length are checked here. The verifier
 * checks what it says.
 * @param charactersMax its largest length.
 * @param description for people who read the interface.
 */
export const Token = (charactersMax: number, description: string, example = EXAMPLE_JWS) =>
  textOf('A-Za-z0-9_.-', charactersMax, 'must be a compact token').meta({ description, example });

/** Prompt content C, opaque to the vault. */
export const ContentToken = Token(
  limits.CONTENT_CHARACTERS_MAX,
  'C: the sealed prompt, a compact JWE that the vault cannot open. Shortened here.',
  EXAMPLE_JWE,
);
/** Grant W: the key of one content, wrapped to one recipient. */
export const GrantToken = Token(
  limits.GRANT_CHARACTERS_MAX,
  'W: the key of a content, sealed to one recipient, a compact JWE. Shortened here.',
  EXAMPLE_JWE,
);
/** The first part of a token: its protected header, in base64url. */
export const TokenPart = textOf('A-Za-z0-9_-', limits.TOKEN_HEADER_CHARACTERS_MAX, 'must be a part of a token').meta({
  description: 'The protected header of a token, in base64url.',
  example: 'eyJhbGciOiJkaXIifQ',
});
/** The key of one content of a managed name, sealed to the vault. */
export const DepositToken = Token(
  limits.GRANT_CHARACTERS_MAX,
  'The key of a content under a managed name, sealed to the vault, a compact JWE. Shortened here.',
  EXAMPLE_JWE,
);
/** Envelope E. */
export const EnvelopeToken = Token(
  limits.ENVELOPE_CHARACTERS_MAX,
  'E: the envelope, a compact JWS of the vault. Shortened here.',
);
/** Tag T: a signed position of a label. */
export const TagToken = Token(
  limits.TAG_CHARACTERS_MAX,
  'T: a signed position of the label, a compact JWS. Shortened here.',
);
/** F: a renewer's word that a position or a directory is the newest. */
export const FreshToken = Token(
  limits.FRESH_CHARACTERS_MAX,
  'F: the word of a renewer that this is the newest, a compact JWS. Shortened here.',
);
/** Question I, sealed to a responder. */
export const QuestionToken = Token(
  limits.QUESTION_CHARACTERS_MAX,
  'I: the question, signed and sealed to the responder, a compact JWE. Shortened here.',
  EXAMPLE_JWE,
);

/**
 * Root, policy or directory: a General JSON JWS as one string, so that its bytes survive the journey.
 * The alphabet is that of such an object in canonical JSON: no spaces, no escapes.
 */
export const DocumentToken = textOf(
  String.raw`A-Za-z0-9_\-"{}[\]:,`,
  limits.DOCUMENT_CHARACTERS_MAX,
  'must be a signed document without spaces',
)
  .refine(
    (text) => text.length > 2 && text.startsWith('{') && text.endsWith('}'),
    'must be a signed document without spaces',
  )
  .meta({
    description: 'The document as it was signed: a General JSON JWS (RFC 7515 §7.2.1) as one string. Shortened here.',
    example:
      '{"payload":"eyJfdHlwZSI6ImJ1bGxhLXJvb3QifQ","signatures":[{"protected":"eyJhbGciOiJFZDI1NTE5In0","signature":"c2ln"}]}',
  });
