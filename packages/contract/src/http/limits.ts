/**
 * How large things may be on their way between processes (protocol.md §2.1).
 * Bytes count an HTTP body; characters count a token as it stands in JSON, base64url included.
 */

export {
  CHAT_MODELS_MAX,
  CHAT_USES_MAX,
  FRAMES_MAX,
  FRESH_MAX,
  GROUPS_MAX,
  TAGS_MAX,
  USES_MAX,
} from '@bulla/crypto/names';

/** Body of a request, unless its route says otherwise: 1 MiB. */
export const BODY_BYTES_MAX = 1_048_576;
/** Body of an invocation, which carries a whole bundle and a sealed question: 2 MiB. */
export const INVOCATION_BODY_BYTES_MAX = 2_097_152;
/** The same of a chat, whose question may bring images and files along: 12 MiB, and its envelope. */
export const CHAT_BODY_BYTES_MAX = 12_648_448;
/** Body of a device that asks to be let in, two keys and little else; strangers send it: 8 KiB. */
export const ENROLMENT_BODY_BYTES_MAX = 8_192;
/** Body that carries root, policy or directory: 6 MiB. */
export const ORGANISATION_BODY_BYTES_MAX = 6_291_456;

/** Root, policy or directory: 4 MiB of payload in base64url, and its signatures. */
export const DOCUMENT_CHARACTERS_MAX = 5_767_168;
/** Content C: a statement of 256 KiB, signed, then encrypted, each time in base64url. */
export const CONTENT_CHARACTERS_MAX = 491_520;
/** Grant W: 32 bytes wrapped to one key. */
export const GRANT_CHARACTERS_MAX = 4_096;
/** The protected header of a token: 2 KiB in base64url. */
export const TOKEN_HEADER_CHARACTERS_MAX = 2_731;
/** Envelope E. */
export const ENVELOPE_CHARACTERS_MAX = 24_576;
/** Tag T. */
export const TAG_CHARACTERS_MAX = 8_192;
/** Share of a root key: 1 KiB, encrypted, in base64url, with its header. */
export const SHARE_CHARACTERS_MAX = 4_096;
/** Sealed question I of a chat; one of a stored prompt is 256 KiB, encrypted, in base64url. */
export const QUESTION_CHARACTERS_MAX = 12_582_912;
/** First part of a reply: 1 KiB in base64url. */
export const HEAD_CHARACTERS_MAX = 1_366;
/** One frame of a reply: 16 KiB and its authentication tag, in base64url. */
export const FRAME_CHARACTERS_MAX = 21_888;

/** Hashes of directories on one page. */
export const DIRECTORY_HASHES_PAGE = 1_000;
/** Directories that an organisation may have had before it is brought to a vault: they fit into its body. */
export const EARLIER_DIRECTORIES_MAX = 10_000;
/** Roots of an organisation that are handed back at once. */
export const ROOTS_MAX = 64;
/** Directories that an organisation publishes in a day. */
export const DIRECTORIES_PER_DAY = 100;

/** Grants in one request: with a content of full size they still fit into one body. */
export const GRANTS_MAX = 64;
/** Keys with which one grant was posted, in what is said of it where it is unfit. */
export const POSTERS_MAX = 16;
/** A text within a statement. */
export const STATEMENT_TEXT_CHARACTERS_MAX = 262_144;
/** Messages of a prompt. */
export const STATEMENT_MESSAGES_MAX = 256;
/** Responders that a prompt names. */
export const STATEMENT_RESPONDERS_MAX = 64;
/** Value of a variable, in UTF-16 code units. */
export const VALUE_CHARACTERS_MAX = 262_144;
/** Token of a renewer. */
export const FRESH_CHARACTERS_MAX = 8_192;
/** Words for positions that a renewer brings at once. */
export const FRESH_POSTED_MAX = 100;
/** Moves of a label that are handed back at once: as many as clients keep. */
export const MOVES_MAX = 1_000;
/** Labels that move together with a new version. */
export const PUSHED_TAGS_MAX = 16;
/** Labels of one prompt. */
export const LABELS_MAX = 1_000;
/** Counts in one report of usage: with names of full length they fit into one body. */
export const USAGE_COUNTS_MAX = 500;
/** Items on one page of a list. */
export const PAGE_ITEMS_MAX = 200;
/** Rows that one call sets aside at most: the entry that names them has to fit into the log. */
export const SET_ASIDE_MAX = 150;
