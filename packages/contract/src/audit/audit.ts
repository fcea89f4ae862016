import { WITNESSES_MAX } from '@bulla/crypto/names';
import * as z from 'zod';
import { base64urlText } from '../alphabet.js';
import { Hash, Kid, LogOrigin, Timestamp } from '../ids.js';
import { Count, decimal } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';

/** Leaves of a tile, and hashes (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;
/** Longest leaf: C2SP tlog-tiles puts a uint16 length before each. */
const LEAF_CHARACTERS_MAX = 65_535;
const HASH_BYTES = 32;
/** Levels of tiles that a log of 2^53 entries has. */
const LEVEL_MAX = 6;
const PROOF_HASHES_MAX = 53;
const SIGNATURE_CHARACTERS_MAX = 1_024;
/** Base of a signature: the covered parts of a request, its target the longest of them. */
const BASE_CHARACTERS_MAX = 24_576;
const NOTE_CHARACTERS_MAX = 262_144;

const Index = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
/** Place in the log; the first is 0. */
export const LogIndex = Index.meta({ description: 'Place in the log; the first is 0.', example: 18_203 });
export const LogSize = Index.meta({ description: 'How many entries the log has.', example: 18_204 });
/** Which of a service's logs: a restored one is never continued, the next begins. */
export const LogNumber = Count.min(1).meta({
  description: 'Which log of this service: the first is 1; another begins when the database was restored.',
  example: 1,
});
const ofLog = {
  log: decimal(LogNumber)
    .optional()
    .meta({ description: 'Which log of this service; the newest unless given.', example: 1 }),
};

/** The exact text of an entry. */
const Leaf = z
  .string()
  .max(LEAF_CHARACTERS_MAX, { error: 'must be the text of a leaf', abort: true })
  .regex(/^\{"[^\p{Cc}]*\}$/u, 'must be the text of a leaf')
  .meta({
    description: 'The entry, exactly as it was hashed: JSON text.',
    example: '{"v":1,"id":"aud_01k9z3q8e4fxq9m3y7t5w6v8na","act":"envelope.issue"}',
  });

/** What shows that the caller asked for it, and not only that the service says so. */
const Evidence = z.strictObject({
  base: z
    .string()
    .max(BASE_CHARACTERS_MAX, { error: 'must be a signature base', abort: true })
    .regex(/^"[\x20-\x7E\n]+$/, 'must be a signature base')
    .meta({
      description: 'The signature base of the request (RFC 9421 §2.5).',
      example: '"@method": POST',
    }),
  signature: base64urlText(SIGNATURE_CHARACTERS_MAX).meta({
    description: 'Its signature, by the key that the entry names.',
    example: 'c2lnbmF0dXJl',
  }),
});

/** One entry in a list. */
export const AuditEntry = z
  .strictObject({
    index: LogIndex,
    /** By the clock of the database. */
    at: Timestamp.describe('When it came into the log.'),
    leaf: Leaf,
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof AuditEntry>;

/** One entry, with what shows who asked. */
export const AuditRecord = AuditEntry.extend({
  evidence: Evidence.nullable().describe('Null where nobody signed a request, or where it was erased.'),
}).meta({ id: 'AuditRecord' });
export type AuditRecord = z.infer<typeof AuditRecord>;

/** The entries of one tile. */
export const AuditBundle = z
  .strictObject({ data: z.array(AuditRecord).max(TILE_WIDTH).describe('The entries of this tile, in their order.') })
  .meta({ id: 'AuditBundle' });
export type AuditBundle = z.infer<typeof AuditBundle>;

/** A page of entries. */
export const AuditEntryPage = page(AuditEntry).meta({ id: 'AuditEntryPage' });
export type AuditEntryPage = z.infer<typeof AuditEntryPage>;

/** Which entries: newest first, or from an index on. */
export const AuditQuery = z.strictObject({
  ...pageQuery,
  ...ofLog,
  from: decimal(LogIndex)
    .optional()
    .meta({ description: 'Begin at this index, and go on to newer ones.', example: 18_000 }),
  actor: Kid.optional().describe('Only what the holder of this key did.'),
  act: z
    .string()
    .regex(/^[a-z]{2,16}\.[a-z-]{2,16}$/, 'must be the name of an act, such as envelope.issue')
    .optional()
    .meta({ description: 'Only this act.', example: 'envelope.issue' }),
  object: z
    .string()
    .regex(/^[a-z]{3}_[0-9a-z]{26}$/, 'must be an id, such as that of a prompt or an envelope')
    .optional()
    .meta({ description: 'Only what names this id.', example: 'prm_01k9z3q8e4fxq9m3y7t5w6v8na' }),
  result: z.enum(['ok', 'denied', 'error']).optional().meta({ description: 'Only what ended so.', example: 'denied' }),
  since: Timestamp.optional().describe('Only what came into the log at this moment or later.'),
  until: Timestamp.optional().describe('Only what came into the log before this moment.'),
});

/** Which log. */
export const AuditLogQuery = z.strictObject(ofLog);

/** Whose evidence is erased. */
export const AuditErasureQuery = z.strictObject({
  ...ofLog,
  actor: Kid.describe('Only of what the holder of this key asked for.'),
  until: Timestamp.optional().describe('Only of what came into the log before this moment.'),
});

/** What was erased. */
export const AuditErasure = z
  .strictObject({
    erased: Count.meta({ description: 'Of how many entries it was erased.', example: 12 }),
    below: LogIndex.describe('No entry of this key with a smaller index has evidence any more.'),
    more: z.boolean().meta({ description: 'Whether there is more to erase: ask again.', example: false }),
  })
  .meta({ id: 'AuditErasure' });
export type AuditErasure = z.infer<typeof AuditErasure>;

/** What was set aside. */
export const AuditSetAside = z
  .strictObject({
    items: Count.meta({ description: 'How many rows were set aside.', example: 3 }),
    more: z.boolean().meta({ description: 'Whether there are more: ask again.', example: false }),
  })
  .meta({ id: 'AuditSetAside' });
export type AuditSetAside = z.infer<typeof AuditSetAside>;

/** A checkpoint as it was signed (docs/spec/note.md). */
export const Note = z
  .string()
  .max(NOTE_CHARACTERS_MAX, { error: 'must be a signed note', abort: true })
  .regex(/^(?:urn:|bulla\/)[^\p{Cc}]+\n(?:[^\p{Cc}]*\n)+$/u, 'must be a signed note')
  .meta({
    description: 'Size and root of a log, signed by its service (C2SP tlog-checkpoint).',
    example:
      'bulla/3fa95c07d1e8264b/acme/vault/audit/1\n8\nh/8=\n\n\u2014 bulla/3fa95c07d1e8264b/acme/vault/audit/1 c2ln\n',
  });

/** The logs of a service for one organisation. */
export const AuditCheckpoints = z
  .strictObject({
    data: z
      .array(
        z.strictObject({
          log: LogNumber,
          origin: LogOrigin.meta({
            description: 'The name of the log.',
            example: 'bulla/3fa95c07d1e8264b/acme/vault/audit/1',
          }),
          checkpoint: Note.nullable().describe('Its newest checkpoint; null before the first.'),
          first: LogIndex.describe(
            'The oldest entry that is still kept; of those before it there are only the hashes.',
          ),
          witnessed: z
            .array(Note)
            .max(WITNESSES_MAX)
            .optional()
            .describe('The newest checkpoint that each witness cosigned; absent where the policy names no witnesses.'),
        }),
      )
      .max(1_000)
      .describe('Every log of this service, the newest last.'),
  })
  .meta({ id: 'AuditCheckpoints' });
export type AuditCheckpoints = z.infer<typeof AuditCheckpoints>;

/** Hashes of one tile. */
export const AuditTile = z
  .strictObject({
    hashes: base64urlText(Math.ceil((TILE_WIDTH * HASH_BYTES * 4) / 3)).meta({
      description: 'Hashes of 32 bytes each, one after another, in base64url.',
      example: '0tKs9kAXkiO_nh60PF-_hUxOUP-2czvDqSedP_fem-E',
    }),
  })
  .meta({ id: 'AuditTile' });
export type AuditTile = z.infer<typeof AuditTile>;

/** How much of a tile: all 256 unless given. */
export const AuditTileQuery = z.strictObject({
  ...ofLog,
  width: decimal(z.int().min(1).max(TILE_WIDTH))
    .default(TILE_WIDTH)
    .meta({ description: 'How many of the tile, from its first on.', example: 256 }),
});

/** Where a tile stands. */
export const inTile = z.strictObject({
  level: decimal(z.int().min(0).max(LEVEL_MAX)).meta({
    description: 'Level of the tile; 0 has the leaves.',
    example: 0,
  }),
  index: decimal(Index).meta({ description: 'Place of the tile on its level; the first is 0.', example: 71 }),
});
export const inBundle = z.strictObject({
  index: decimal(Index).meta({ description: 'Place of the tile; the first is 0.', example: 71 }),
});
export const inEntry = z.strictObject({ index: decimal(LogIndex) });

/** What a proof is wanted of. */
export const AuditProofQuery = z.strictObject({
  ...ofLog,
  size: decimal(LogSize.min(1)).meta({ description: 'Size of the tree that the proofs are about.', example: 18_204 }),
  entry: decimal(LogIndex).optional().meta({ description: 'Proof that the tree holds this entry.', example: 18_203 }),
  older: decimal(LogSize)
    .optional()
    .meta({ description: 'Proof that the tree begins with that of this size.', example: 18_000 }),
});

const hashes = (description: string) => z.array(Hash).max(PROOF_HASHES_MAX).optional().describe(description);
/** Proofs, as RFC 9162 §2.1.3 and §2.1.4 order their hashes. */
export const AuditProofs = z
  .strictObject({
    inclusion: hashes('Shows that the tree holds the entry (RFC 9162 §2.1.3).'),
    consistency: hashes('Shows that the tree begins with the older one (RFC 9162 §2.1.4).'),
  })
  .meta({ id: 'AuditProofs' });
export type AuditProofs = z.infer<typeof AuditProofs>;
