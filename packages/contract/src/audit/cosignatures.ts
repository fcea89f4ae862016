import { WITNESSES_MAX, WITNESS_NAME_PATTERN } from '@bulla/crypto/names';
import * as z from 'zod';
import { Timestamp } from '../ids.js';
import { LogNumber, LogSize, Note } from './audit.js';

/** A text of four lines, the signature of the log, and a line for each witness that a policy may name. */
const COSIGNED_CHARACTERS_MAX = 16_384;
/** The same as JSON, where a newline is two characters and the dash before a signature may be six. */
export const COSIGNATURES_BODY_BYTES_MAX = 32_768;

/** A checkpoint that witnesses cosigned. */
export const NewCosignatures = z
  .strictObject({
    checkpoint: Note.max(COSIGNED_CHARACTERS_MAX, 'must be a checkpoint of at most 16,384 characters').describe(
      'A checkpoint that this log signed, with the cosignatures of one or more witnesses (C2SP tlog-cosignature).',
    ),
  })
  .meta({ id: 'NewCosignatures' });
export type NewCosignatures = z.infer<typeof NewCosignatures>;

/** What the service has now of the witnesses that cosigned. */
export const KeptCosignatures = z
  .strictObject({
    log: LogNumber,
    kept: z
      .array(
        z.strictObject({
          witness: z.string().regex(WITNESS_NAME_PATTERN).meta({
            description: 'Name of the witness, as the policy has it.',
            example: 'witness.example/w1',
          }),
          entries: LogSize.describe('Entries of the tree that it cosigned last.'),
          at: Timestamp.describe('When, by the clock of the witness.'),
        }),
      )
      .max(WITNESSES_MAX)
      .describe('The newest cosignature of each of them: the one that came, or a newer one that was there.'),
  })
  .meta({ id: 'KeptCosignatures' });
export type KeptCosignatures = z.infer<typeof KeptCosignatures>;
