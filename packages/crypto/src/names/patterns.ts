/** How names are spelled: regular expressions, and parts of them for patterns that are put together. Nothing is imported. */

const ORG = '[a-z0-9][a-z0-9-]{0,62}';
const NAME = '[a-z0-9][a-z0-9._-]*(?:\\/[a-z0-9][a-z0-9._-]*)*';
const SERVICE = '[a-z0-9][a-z0-9-]{0,62}';
/** A UUIDv7 as 26 Crockford characters. */
const SUFFIX = '[0-7][0-9a-hjkmnp-tv-z]{25}';

/** Organisation: what stands after `urn:bulla:`. */
export const ORG_PATTERN = new RegExp(`^${ORG}$`);
/** Characters of a prompt's name at most. */
export const NAME_CHARACTERS_MAX = 128;
/** Prompt name, fixed for a prompt's life (protocol.md §2.2). */
export const NAME_PATTERN = new RegExp(`^(?=.{1,${NAME_CHARACTERS_MAX}}$)${NAME}$`);
/** The same, for code that checks the length first. */
export const NAME_SPELLING = new RegExp(`^${NAME}$`);
/** Label of a prompt version (protocol.md §4). */
export const LABEL_PATTERN = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** Group, as policy and directory spell it. */
export const GROUP_PATTERN = /^grp:[a-z0-9][a-z0-9._-]{0,63}$/;
/** Name of a witness of audit logs, as a policy spells it: a URL without scheme. */
export const WITNESS_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._~/:-]{0,127}$/;
/** How the origins of audit logs begin. */
export const LOG_ORIGIN_STARTS = ['bulla/', 'urn:bulla:'] as const;
/** 32 bytes in base64url, in whatever spelling of the last bits: a SHA-256, or the thumbprint of a key (RFC 7638). */
export const HASH_PATTERN = /^[A-Za-z0-9_-]{43}$/;
/** SHA-256 of an organisation's first root. */
export const PIN_PATTERN = /^sha256:[0-9a-f]{64}$/;

export type IdPrefix = 'prm' | 'env' | 'inv' | 'ivt' | 'enr' | 'apr' | 'aud' | 'job' | 'usg' | 'dev' | 'usr';

/** Pattern of a TypeID with this prefix: 26 Crockford characters of a UUIDv7. */
export function idPattern(prefix: IdPrefix): RegExp {
  return new RegExp(`^${prefix}_${SUFFIX}$`);
}

/** What follows `urn:bulla:<org>` in the URN of each kind. */
const HOLDERS = {
  organisation: '',
  dev: `:dev:dev_${SUFFIX}`,
  enr: `:enr:enr_${SUFFIX}`,
  user: `:user:usr_${SUFFIX}`,
  prompt: `:prompt:prm_${SUFFIX}`,
  'svc:vault': ':svc:vault',
  'svc:responder': `:svc:responder:${SERVICE}`,
  'svc:gateway': `:svc:gateway:${SERVICE}`,
  recovery: ':recovery',
} as const;
/** Kinds of what a Bulla URN names; a service is told by its kind too. */
export type UrnHolder = keyof typeof HOLDERS;

/** Pattern of the URNs of some kinds, with the organisation and what follows it as groups; of all kinds if none is named. */
export function urnPattern(...holders: readonly UrnHolder[]): RegExp {
  const kinds = holders.length === 0 ? Object.values(HOLDERS) : holders.map((holder) => HOLDERS[holder]);
  return new RegExp(`^urn:bulla:(${ORG})(${kinds.join('|')})$`);
}
