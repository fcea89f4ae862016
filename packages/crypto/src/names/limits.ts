/** Bounds that tokens and what carries them have in common (protocol.md §2.1). */

/** Largest number of a version, a position or a document: what a PostgreSQL `integer` holds. */
export const NUMBER_MAX = 2_147_483_647;
/** How far a clock may be off, in seconds. */
export const SKEW_SECONDS = 60;
/** For how long after its `issued` a vault takes a root (protocol.md A21). */
export const ROOT_TAKEN_SECONDS = 15 * 60;
/** For how long after its `issued` a vault takes a policy or directory (protocol.md A21). */
export const DOCUMENT_TAKEN_SECONDS = 86_400;
/** How far ahead of the moment of proposing it a root may be dated (protocol.md A21). */
export const ROOT_AHEAD_SECONDS = 14 * 86_400;
/** Groups of one device, of a policy's rule or of a prompt's list. */
export const GROUPS_MAX = 64;
/** Tags for one position of a label: the largest threshold that a policy may ask for. */
export const TAGS_MAX = 16;
/** Witnesses of audit logs that a policy may name. */
export const WITNESSES_MAX = 16;
/** Words of renewers beside one position or directory. */
export const FRESH_MAX = 16;
/** Times that one envelope may be used. */
export const USES_MAX = 1_000;
/** Questions that one envelope of a chat is good for. */
export const CHAT_USES_MAX = 100;
/** Models that one envelope of a chat names. */
export const CHAT_MODELS_MAX = 32;
/** Frames of one reply. */
export const FRAMES_MAX = 2 ** 20;
