import * as z from '#zod';
import { CryptoError } from '../names/errors.js';
import { WITNESSES_MAX } from '../names/limits.js';
import { LOG_ORIGIN_STARTS, WITNESS_NAME_PATTERN } from '../names/patterns.js';
import type { WitnessKey } from '../log/note-key.js';
import { parseWitnessKey } from '../log/note-key.js';

/** Longest key of a witness as it is handed on: name, id and key. */
const WITNESS_KEY_CHARACTERS_MAX = 320;

/** Who watches the audit logs, as a policy says it (docs/spec/policy.md, Witnesses). */
export const witnessesSchema = z.strictObject({
  /** How many of them a verifier asks for. */
  quorum: z.int().check(z.gte(1), z.lte(WITNESSES_MAX)),
  /** `name+id+base64(0x04 ‖ public key)`, C2SP tlog-cosignature. */
  keys: z
    .array(z.string().check(z.maxLength(WITNESS_KEY_CHARACTERS_MAX)))
    .check(z.minLength(1), z.maxLength(WITNESSES_MAX)),
});

/** The witnesses that a policy names. */
export interface PolicyWitnesses {
  readonly keys: readonly WitnessKey[];
  /** How many of them a verifier asks for; at most as many as there are. */
  readonly quorum: number;
}

/**
 * The witnesses of a policy; undefined where it names none.
 * @throws {CryptoError} token_malformed, saying which of their rules is broken
 */
export async function witnessesOf({
  witnesses,
}: {
  readonly witnesses?: z.infer<typeof witnessesSchema> | undefined;
}): Promise<PolicyWitnesses | undefined> {
  if (witnesses === undefined) return undefined;
  const { quorum } = witnesses;
  const keys = await Promise.all(witnesses.keys.map(readKey));
  // guard: witnesses-quorum
  if (quorum > keys.length)
    throw malformed(`a quorum of ${quorum} asks for more witnesses than the ${keys.length} named`);
  // guard: witnesses-names
  if (new Set(keys.map(({ name }) => name)).size < keys.length) throw malformed('two of them have one name');
  // guard: witnesses-keys
  if (new Set(keys.map(({ jwk }) => JSON.stringify(jwk))).size < keys.length)
    throw malformed('two of them have one key');
  return { keys, quorum };
}

async function readKey(text: string): Promise<WitnessKey> {
  const key = await parseWitnessKey(text).catch((error: unknown) => {
    if (error instanceof CryptoError) throw malformed(error.message);
    throw error;
  });
  requireWitnessName(key.name);
  return key;
}

/** Refuses what cannot be the name of a witness of an organisation. @throws {CryptoError} token_malformed */
export function requireWitnessName(name: string): void {
  // guard: witnesses-origin
  if (LOG_ORIGIN_STARTS.some((start) => name.toLowerCase().startsWith(start)))
    throw malformed('a witness is not called like a log');
  // guard: witnesses-spelling
  if (!WITNESS_NAME_PATTERN.test(name))
    throw malformed('the name of a witness is a letter or digit, then letters, digits, . _ ~ / : and -, at most 128');
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', `witnesses: ${message}`);
}
