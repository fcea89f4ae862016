import { DEVICE_ROLES, GATEWAY_ROLES } from '../names/roles.js';
import { GROUPS_MAX } from '../names/limits.js';
import * as z from '#zod';
import { decodeBase64url, utf8 } from '../encoding/bytes.js';
import { hashSchema, versionSchema } from '../tokens/claims.js';
import type { DocumentFormat, DocumentStage, ParsedDocument } from '../tokens/document.js';
import { DOCUMENT_MAX_BYTES, freeze, parseDocument } from '../tokens/document.js';
import { timestampSchema } from '../tokens/document-times.js';
import { CryptoError } from '../names/errors.js';
import type { UrnKind } from '../names/ids.js';
import { parseUrn } from '../names/ids.js';
import type { KeyPurpose } from '../keys/keys.js';
import { checkKeyRecord, keyRecordSchema, kidSchema, secondsSchema } from '../keys/keys.js';
import { checkPrevious, groupSchema } from './policy.js';
import { orgSchema } from './root.js';
import { checkShape } from '../encoding/schema.js';
import { strictParse } from '../encoding/strict-parse.js';

/** `chain` of version 1: 32 zero bytes in base64url. */
export const FIRST_CHAIN = 'A'.repeat(43);
const groupsSchema = z.array(groupSchema).check(z.maxLength(GROUPS_MAX));
/** More than these are too many for those who read all of them each time: for about 2,000 devices with their old keys. */
const ENTITIES_MAX = 4_096;
const KEYS_MAX = 8_192;
const keysSchema = z.array(keyRecordSchema).check(z.minLength(1), z.maxLength(32));
/** An absolute address without credentials, query or fragment. */
const urlSchema = z
  .string()
  .check(z.maxLength(512), z.regex(/^https?:\/\/[A-Za-z0-9.\-[\]:]+(?:\/[A-Za-z0-9._~-]+)*\/?$/));

const deviceSchema = z.strictObject({
  kind: z.literal('device'),
  /** The person the device belongs to; thresholds of labels count users. */
  user: z.string(),
  /** `renewer` stands alone: it may decide nothing, and says what is the newest. */
  roles: z.array(z.enum(DEVICE_ROLES)).check(z.minLength(1), z.maxLength(5)),
  groups: groupsSchema,
  keys: keysSchema,
});
const vaultSchema = z.strictObject({
  kind: z.literal('vault'),
  url: z.optional(urlSchema),
  roles: z.tuple([z.literal('service')]),
  keys: keysSchema,
});
const responderSchema = z.strictObject({
  kind: z.literal('responder'),
  /** Signed, because it is how a client finds the responder. */
  url: urlSchema,
  roles: z.tuple([z.literal('service')]),
  keys: keysSchema,
});
const gatewaySchema = z.strictObject({
  kind: z.literal('gateway'),
  url: z.optional(urlSchema),
  /** `gateway`: may carry invocations that others signed. */
  roles: z.array(z.enum(GATEWAY_ROLES)).check(z.minLength(1), z.maxLength(3)),
  groups: z.optional(groupsSchema),
  keys: keysSchema,
});
const entitySchema = z.discriminatedUnion('kind', [deviceSchema, vaultSchema, responderSchema, gatewaySchema]);
export type DirectoryEntity = z.infer<typeof entitySchema>;
export type EntityKind = DirectoryEntity['kind'];
export type Role = DirectoryEntity['roles'][number];

const revocationSchema = z.strictObject({
  kid: kidSchema,
  /** As RFC 5280 §5.3.1 names them. */
  reason: z.enum([
    'unspecified',
    'keyCompromise',
    'affiliationChanged',
    'superseded',
    'cessationOfOperation',
    'privilegeWithdrawn',
  ]),
  at: secondsSchema,
});

/** What stands before the lists: enough to tell which directory it is. */
const headMembers = {
  _type: z.literal('bulla-directory'),
  /** 1 has no `chain`, and counts as expired: only what follows it is made from it. */
  spec: z.enum(['1', '2']),
  org: orgSchema,
  version: versionSchema,
  /** The newest root when it was signed. */
  root_version: versionSchema,
  /** Hash of the version before; absent in version 1. */
  prev: z.optional(hashSchema),
  /** SHA-256 of `chain` and hash of the version before; 32 zero bytes in version 1. */
  chain: z.optional(hashSchema),
  /** The one policy it is used with. */
  policy: z.strictObject({ version: versionSchema, hash: hashSchema }),
  issued: timestampSchema,
  expires: timestampSchema,
};
const headSchema = z.strictObject(headMembers);
export type DirectoryHead = z.infer<typeof headSchema>;

/** directory: whose keys they are, who may do what, and what no longer counts (protocol.md §4, docs/spec/directory.md). */
const directorySchema = z.strictObject({
  ...headMembers,
  /** Each is checked for itself: there may be thousands, and others wait. */
  entities: z.record(z.string(), z.unknown()),
  revoked: z.array(revocationSchema),
  /** `chash` of contents that stay trusted although their author's key is not. */
  kept: z.array(hashSchema),
  /** Versions of a prompt lower than `below` are not to be run. */
  withdrawn: z.array(z.strictObject({ sub: z.string(), below: versionSchema })),
});
export type DirectoryDocument = Omit<z.infer<typeof directorySchema>, 'entities'> & {
  entities: Record<string, DirectoryEntity>;
};

const DIRECTORY_FORMAT: DocumentFormat<z.infer<typeof directorySchema>> = {
  type: 'bulla-directory',
  payload: directorySchema,
  maxBytes: DOCUMENT_MAX_BYTES,
};

/** What an entity of each kind may be called and its keys may be for. */
const KINDS: Record<
  EntityKind,
  { readonly urn: UrnKind; readonly id: RegExp; readonly purposes: readonly KeyPurpose[] }
> = {
  device: { urn: 'dev', id: /^/, purposes: ['http', 'invoke', 'content', 'tag', 'unwrap', 'fresh'] },
  vault: { urn: 'svc', id: /^vault$/, purposes: ['http', 'envelope', 'content', 'checkpoint', 'deposit'] },
  responder: { urn: 'svc', id: /^responder:/, purposes: ['http', 'reply', 'unwrap', 'checkpoint'] },
  gateway: { urn: 'svc', id: /^gateway:/, purposes: ['http', 'invoke', 'unwrap'] },
};

/**
 * Reads a directory without trusting it: every name belongs to its organisation, fits its kind and stands once,
 * every key is one key of one suite. How long it may live is root's to say (`profile`).
 * @throws {CryptoError} token_malformed, payload_too_large, key_invalid
 */
export async function parseDirectory(
  token: string,
  stage: DocumentStage = 'signed',
): Promise<ParsedDocument<DirectoryDocument>> {
  const { payload, ...parsed } = await parseDocument(token, DIRECTORY_FORMAT, stage);
  const entities = await checkEntities(payload);
  const directory = Object.freeze({ ...payload, entities });
  checkPrevious(directory);
  checkChain(directory);
  checkHead(token, directory);
  checkLogNumbers(directory);
  checkRenewers(directory);
  checkDistinct(directory.revoked.map(({ kid }) => kid));
  checkDistinct(directory.kept);
  checkDistinct(directory.withdrawn.map(({ sub }) => sub));
  for (const { sub } of directory.withdrawn) checkName(directory.org, sub, 'prompt');
  return { ...parsed, payload: directory };
}

/** Checks entity by entity. The hash of each key is made off the event loop, so others work in between. */
async function checkEntities({
  org,
  entities,
}: z.infer<typeof directorySchema>): Promise<Record<string, DirectoryEntity>> {
  const listed = Object.entries(entities);
  // guard: directory-entities
  if (listed.length > ENTITIES_MAX) throw malformed(`it lists more than ${ENTITIES_MAX} entities`);
  const checked: [string, DirectoryEntity][] = [];
  const kids: string[] = [];
  for (const [urn, value] of listed) {
    const entity = freeze(checkShape(value, entitySchema, 'entity'));
    checkEntity(org, urn, entity);
    for (const record of entity.keys) {
      // guard: directory-keys
      if (kids.push(record.kid) > KEYS_MAX) throw malformed(`it lists more than ${KEYS_MAX} keys`);
      // guard: directory-key-checked
      await checkKeyRecord(record);
    }
    checked.push([urn, entity]);
  }
  // guard: directory-kid-once
  checkDistinct(kids);
  return Object.freeze(Object.fromEntries(checked));
}

/** The first characters of a document that is written as `JSON.stringify` writes it. */
const TOKEN_START = '{"payload":"';
/** Every head fits, in base64url. */
const HEAD_MAX_CHARACTERS = 1536;

/**
 * Reads which directory a token says it is without looking at the rest, however large that is. Nothing is verified.
 * @throws {CryptoError} token_malformed
 */
export function readDirectoryHead(token: string): DirectoryHead {
  const end = token.indexOf('"', TOKEN_START.length);
  const length = Math.min(end - TOKEN_START.length, HEAD_MAX_CHARACTERS);
  if (!token.startsWith(TOKEN_START) || length < 0) throw malformed('a document is not written as it is signed');
  // Whole groups of four characters are whole bytes.
  const encoded = token.slice(TOKEN_START.length, TOKEN_START.length + length - (length % 4));
  const text = String.fromCharCode(...decodeBase64url(encoded));
  const lists = text.indexOf(',"entities":{');
  if (lists < 0) throw malformed('the members before the entities are not where they belong');
  const head = strictParse(utf8(`${text.slice(0, lists)}}`), { maxBytes: HEAD_MAX_CHARACTERS });
  return checkShape(head, headSchema, 'directory head');
}

/** What stands in front is all that there is to say about which directory it is: nothing of it follows the lists. */
function checkHead(token: string, { spec, prev, chain }: DirectoryDocument): void {
  if (spec === '1') return;
  const head = readDirectoryHead(token);
  // guard: directory-head
  if (head.prev !== prev || head.chain !== chain) throw malformed('a member stands behind the entities');
}

function checkChain({ spec, version, chain }: DirectoryDocument): void {
  // guard: directory-chain-stated
  if ((spec === '2') !== (chain !== undefined)) throw malformed('a directory of spec 2 states its chain');
  // guard: directory-chain-first
  if (version === 1 && chain !== undefined && chain !== FIRST_CHAIN) throw malformed('a chain begins with zeros');
}

/**
 * Numbers of logs do not come back, so whoever holds the key for directories for an hour must not use them up: each version
 * of a directory may list the keys of so many more logs of a service.
 */
const LOGS_PER_VERSION = 8;

function checkLogNumbers({ version, entities }: DirectoryDocument): void {
  // guard: directory-log-far
  for (const { keys } of Object.values(entities))
    if (keys.some(({ log = 0 }) => log > LOGS_PER_VERSION * version))
      throw malformed(`the number of a log is above ${LOGS_PER_VERSION} for each version of the directory`);
}

function checkEntity(org: string, urn: string, entity: DirectoryEntity): void {
  const kind = KINDS[entity.kind];
  const id = checkName(org, urn, kind.urn);
  if (!kind.id.test(id)) throw malformed('the name of an entity does not fit its kind');
  if (entity.kind === 'device') checkName(org, entity.user, 'user');
  checkDistinct(entity.roles);
  checkDistinct('groups' in entity ? (entity.groups ?? []) : []);
  // guard: directory-log-once
  checkDistinct(entity.keys.flatMap(({ log, alg }) => (log === undefined ? [] : [`${log} ${alg}`])));
  for (const { pur } of entity.keys) {
    // guard: directory-purposes
    if (pur.some((purpose) => !kind.purposes.includes(purpose)))
      throw malformed('the purpose of a key does not fit the kind of its holder');
    // guard: directory-vault-content
    if (entity.kind === 'vault' && pur.includes('content') && pur.length > 1)
      throw malformed('a key by which a vault signs contents is for nothing else');
  }
}

const RENEWER_KEYS: readonly string[] = ['http', 'fresh'];

/** Who says what is the newest does nothing else, under keys that do nothing else, and is nobody's other device. */
function checkRenewers({ entities }: DirectoryDocument): void {
  const users = new Map<string, number>();
  for (const entity of Object.values(entities))
    if (entity.kind === 'device') users.set(entity.user, (users.get(entity.user) ?? 0) + 1);
  for (const entity of Object.values(entities)) {
    if (entity.kind !== 'device') continue;
    const { roles, groups, keys, user } = entity;
    const purposes = keys.flatMap(({ pur }) => pur);
    if (!roles.includes('renewer')) {
      // guard: directory-fresh-key
      if (purposes.includes('fresh')) throw malformed('a key for freshness belongs to a renewer');
      continue;
    }
    // guard: directory-renewer-alone
    if (roles.length > 1 || groups.length > 0 || users.get(user) !== 1)
      throw malformed('a renewer has no other role, no groups and a user of its own');
    // guard: directory-renewer-keys
    if (keys.some(({ pur }) => pur.length > 1) || purposes.some((purpose) => !RENEWER_KEYS.includes(purpose)))
      throw malformed('a key of a renewer is for requests or for freshness, and for nothing else');
  }
}

/** The id in a URN of this organisation and kind. */
function checkName(org: string, urn: string, kind: UrnKind): string {
  const parsed = parseUrn(urn);
  // guard: directory-name without: if (parsed === undefined)
  if (parsed?.org !== org || parsed.kind !== kind) throw malformed('a name is of another organisation or kind');
  return parsed.id;
}

function checkDistinct(values: readonly string[]): void {
  if (new Set(values).size !== values.length) throw malformed('a list holds the same entry twice');
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
