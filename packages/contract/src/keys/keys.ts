import * as z from 'zod';
import { textOf } from '../alphabet.js';
import { JobId, Kid, Timestamp } from '../ids.js';
import { Count, Version } from '../numbers.js';
import { page, pageQuery } from '../http/paging.js';

const EXAMPLE_MOMENT = '2026-12-05T09:30:00.000Z';
const later = (description: string) => Timestamp.nullable().meta({ description, example: EXAMPLE_MOMENT });

/** Name of a root key, by its provider and which key it is, or of a key of an organisation. Nobody comes from it to the key. */
export const KeyName = textOf('A-Za-z0-9:._/@-', 128, 'must be the name of a key').meta({
  description: 'Name of a key at rest: of a root key which provider holds it, and which key it is.',
  example: 'root:file:3f9ac0d15e7b2846',
});

/** What stands in for the real thing, where it is not what production would use. */
const StandIn = textOf('A-Za-z0-9 .,:;()-', 200, 'must be plain words').meta({
  description: 'What stands in for the real thing, where it is not what production would use.',
  example: 'SoftHSM',
});

/** A root key of the vault: keys of organisations lie under it. */
export const RootKey = z.strictObject({
  kid: KeyName,
  state: z
    .enum(['pre-active', 'active', 'deactivated'])
    .meta({ description: 'How it stands, in the words of SP 800-57.', example: 'active' }),
  objects: Count.describe('How many keys of organisations are under it, in this whole vault.'),
  processes: z
    .strictObject({
      with: Count.describe('Processes of the vault that hold it.'),
      without: Count.describe('Processes of the vault that do not.'),
    })
    .describe('Who can use it.'),
  stand_in: StandIn.optional(),
  created_at: Timestamp,
  activated_at: later('When keys began to go under it.'),
  deactivated_at: later('When none went under it any more.'),
});

/** A key of an organisation, under which data keys of managed prompts lie. */
export const Kek = z.strictObject({
  version: Version,
  state: z
    .enum(['pre-active', 'active', 'deactivated', 'destroyed'])
    .meta({ description: 'How it stands, in the words of SP 800-57.', example: 'active' }),
  root: KeyName,
  data_keys: Count.describe('How many data keys are under it.'),
  uses: Count.describe('How often it may have been used: uses are counted before they take place.'),
  created_at: Timestamp,
  activated_at: later('When data keys began to go under it.'),
  deactivated_at: later('When none went under it any more.'),
  destroyed_at: later('When it was destroyed.'),
  due_at: later('When it is replaced, or where it was replaced, when it can be destroyed at the earliest.'),
});

/** Work on keys that goes on by itself. */
export const Job = z
  .strictObject({
    id: JobId,
    what: z.enum(['kek', 'root']).meta({ description: 'Which kind of key is rotated.', example: 'kek' }),
    state: z
      .enum(['waiting', 'running', 'done', 'canceled'])
      .meta({ description: 'How it stands; one that waits says in trouble for what.', example: 'running' }),
    target: KeyName.nullable().meta({
      description: 'The key that everything goes under, once it is there.',
      example: 'kek:acme:7',
    }),
    total: Count.describe('How much there was to do when it began.'),
    done: Count.describe('How much of it is done.'),
    trouble: z.enum(['processes_without_key', 'sealed', 'overloaded', 'internal']).optional().meta({
      description: 'Why it does not go on just now.',
      example: 'processes_without_key',
    }),
    created_at: Timestamp,
    changed_at: Timestamp,
    ended_at: later('When it ended.'),
  })
  .meta({ id: 'Job' });
export type Job = z.input<typeof Job>;

/** A key by which the vault signs, and which never leaves a token. */
const KeyInToken = z.strictObject({
  kid: Kid,
  stand_in: StandIn.optional(),
});

/** Every key of the vault and of the caller's organisation that is at rest here. */
export const KeyStatus = z
  .strictObject({
    root: z.array(RootKey).max(200).describe('Root keys, the newest first; none where this vault manages nothing.'),
    kek: z.array(Kek).max(200).describe('Keys of the organisation, the newest first.'),
    pending: Count.describe('Data keys that are not under the active key yet.'),
    jobs: z.array(Job).max(200).describe('Work that goes on.'),
    in_tokens: z.array(KeyInToken).max(64).describe('Keys by which the vault signs that are in tokens (PKCS#11).'),
  })
  .meta({ id: 'KeyStatus' });
export type KeyStatus = z.input<typeof KeyStatus>;

/** Which keys a service can sign and open with: thumbprints of their public halves. */
export const HeldKeys = z
  .strictObject({
    kids: z
      .array(Kid)
      .max(1000)
      .describe(
        'Of every key of its file, and of a file that waits in the place of it until a directory lists one of its keys.',
      ),
  })
  .meta({ id: 'HeldKeys' });
export type HeldKeys = z.input<typeof HeldKeys>;

/** Asks for a key to be replaced. */
export const NewRotation = z
  .strictObject({
    what: z.enum(['kek', 'root']).meta({ description: 'Which kind of key.', example: 'root' }),
    to: textOf('\\x21-\\x7e', 512, 'must be what BULLA_ROOT_KEY_NEXT of the vault says').optional().meta({
      description: 'Of a root key, what BULLA_ROOT_KEY_NEXT of the vault says: both people mean the same key.',
      example: 'file:/run/bulla/root-2.key',
    }),
  })
  .meta({ id: 'NewRotation' });
export type NewRotation = z.infer<typeof NewRotation>;

export const JobQuery = z.strictObject(pageQuery);
export type JobQuery = z.infer<typeof JobQuery>;

/** Work on keys, the newest first. */
export const JobPage = page(Job).meta({ id: 'JobPage' });
export type JobPage = z.input<typeof JobPage>;
