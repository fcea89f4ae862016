import * as z from 'zod';
import { Kid } from '../ids.js';
import { SHARE_CHARACTERS_MAX } from '../http/limits.js';
import { P256Jwk } from '../people/people.js';
import { Token } from '../tokens.js';

const Shares = z.int().min(2).max(255);
const Index = z.int().min(1).max(255);

/** The key of one process of the vault to which shares are sealed: made at its start, gone with it. */
const UnsealKey = z
  .strictObject({
    kid: Kid.describe('Its thumbprint. The fingerprint that the log of the vault shows is the beginning of it.'),
    jwk: P256Jwk.describe('The public key (RFC 7517).'),
  })
  .describe('The key of this process to which shares are sealed; another process has another.');

/** How far one process of a vault is with its root key. */
export const Unsealing = z
  .strictObject({
    sealed: z.boolean().meta({ description: 'Whether the root key is missing still.', example: true }),
    set: Kid.describe('The set of shares: the thumbprint of the key of its dealer.'),
    shares: Shares.meta({ description: 'How many shares there are.', example: 5 }),
    threshold: Shares.meta({ description: 'How many of them make the root key.', example: 3 }),
    given: z
      .array(Index.meta({ description: 'The number of a share.', example: 2 }))
      .max(255)
      .describe('The shares that this process was given and waits with; none once it is unsealed.'),
    key: UnsealKey,
  })
  .meta({ id: 'Unsealing' });
export type Unsealing = z.input<typeof Unsealing>;

/** A share on its way to one process. */
export const NewShare = z
  .strictObject({
    share: Token(
      SHARE_CHARACTERS_MAX,
      'A share of the root key, sealed to the key of this process, a compact JWE. Shortened here.',
      'eyJhbGciOiJFQ0RILUVTK0EyNTZLVyJ9.a2V5.bm9uY2U.c2VhbGVk.dGFn',
    ),
  })
  .meta({ id: 'NewShare' });
export type NewShare = z.infer<typeof NewShare>;
