import * as z from '#zod';
import { parseUrn } from '../names/ids.js';
import { NUMBER_MAX } from '../names/limits.js';
import type { IdPrefix, UrnHolder } from '../names/patterns.js';
import { idPattern, LABEL_PATTERN, NAME_PATTERN, urnPattern } from '../names/patterns.js';
import { isVisibleName } from '../names/visible-name.js';

/** Members that stand in tokens of several types (protocol.md §2.1, §2.2). */

/** 16 bytes in canonical base64url: 22 characters, the unused bits of the last one zero. */
export const bytes16Schema = z.string().check(z.regex(/^[A-Za-z0-9_-]{21}[AQgw]$/));
/** 32 bytes, in the same way: 43 characters. */
export const bytes32Schema = z.string().check(z.regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/));
/** A SHA-256 in base64url. */
export const hashSchema = bytes32Schema;
export const urnSchema = z.string().check(
  z.maxLength(256),
  z.refine((urn) => parseUrn(urn) !== undefined),
);
/** A URN of one of these kinds. */
export function urnOfSchema(...holders: readonly [UrnHolder, ...UrnHolder[]]): z.ZodMiniType<string> {
  return z.string().check(z.maxLength(256), z.regex(urnPattern(...holders)));
}
/** A TypeID with this prefix. */
export function idSchema(prefix: IdPrefix): z.ZodMiniType<string> {
  return z.string().check(z.regex(idPattern(prefix)));
}
/** An identifier nobody looks into: a `jti`, an idempotency key, an API key's id. */
export const opaqueIdSchema = z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,128}$/));
export const nameSchema = z.string().check(z.regex(NAME_PATTERN));
export const labelSchema = z.string().check(z.regex(LABEL_PATTERN));
/** Version of a prompt or document; counts from 1. */
export const versionSchema = z.int().check(z.gte(1), z.lte(NUMBER_MAX));
/** A name that somebody else gives, of at most so many UTF-16 code units. */
export function visibleNameSchema(max: number): z.ZodMiniType<string> {
  return z.string().check(z.minLength(1), z.maxLength(max), z.refine(isVisibleName));
}
/** A model's name as its provider spells it; it stands in lines that people read (amendment A15). */
// guard: model-name-visible without: export const modelNameSchema = z.string().check(z.minLength(1), z.maxLength(256));
export const modelNameSchema = visibleNameSchema(256);

/** Which directory a signer had before it: version, and SHA-256 of the payload. */
export const directoryRefSchema = z.strictObject({ ver: versionSchema, hash: hashSchema });
export type DirectoryRef = z.infer<typeof directoryRefSchema>;

/** One version of a prompt: its TypeID, its name, its number and `H(C)`. */
export const promptRefSchema = z.strictObject({
  id: idSchema('prm'),
  name: nameSchema,
  ver: versionSchema,
  chash: hashSchema,
});
export type PromptRef = z.infer<typeof promptRefSchema>;
