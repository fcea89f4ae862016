import * as z from 'zod/mini';
import { idPattern, LABEL_PATTERN, NAME_PATTERN, parseUrn } from '../names/ids.js';
import type { IdPrefix } from '../names/ids.js';
import { visibleNameSchema } from '../names/visible-name.js';

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
/** A URN of one of these kinds; a service is told by its kind too, such as `svc:responder`. */
export function urnOfSchema(...kinds: readonly UrnHolder[]): z.ZodMiniType<string> {
  return z.string().check(
    z.maxLength(256),
    z.refine((urn) => {
      const parsed = parseUrn(urn);
      if (parsed === undefined) return false;
      const kind = parsed.kind === 'svc' ? `svc:${parsed.id.split(':')[0]}` : parsed.kind;
      return kinds.some((accepted) => accepted === kind);
    }),
  );
}
type UrnHolder = 'organisation' | 'prompt' | 'recovery' | 'dev' | 'svc:vault' | 'svc:responder' | 'svc:gateway';
/** A TypeID with this prefix. */
export function idSchema(prefix: IdPrefix): z.ZodMiniType<string> {
  return z.string().check(z.regex(idPattern(prefix)));
}
/** An identifier nobody looks into: a `jti`, an idempotency key, an API key's id. */
export const opaqueIdSchema = z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,128}$/));
export const nameSchema = z.string().check(z.regex(NAME_PATTERN));
export const labelSchema = z.string().check(z.regex(LABEL_PATTERN));
/** Version of a prompt or document; counts from 1. */
export const versionSchema = z.int().check(z.gte(1), z.lte(2_147_483_647));
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
