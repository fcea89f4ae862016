import { isVisibleName } from '@bulla/crypto/names';
import * as z from 'zod';

const NAMES_MAX = 10_000;

/** A name of a model: strangers give it, so all of it shows (protocol.md, amendment A15). */
export const ModelName = z
  .string()
  .min(1)
  .max(256)
  .refine((name) => isVisibleName(name), 'must be a name whose characters all show');

/** What a model may be able to do. */
export const MODEL_CAPABILITIES = [
  'chat',
  'embeddings',
  'tools',
  'images',
  'files',
  'json_schema',
  'reasoning',
  'logprobs',
  'sampling',
  'choices',
] as const;
export type ModelCapability = (typeof MODEL_CAPABILITIES)[number];

/** A decimal number as text: a reader in any language takes it for the same. */
const Price = z.string().regex(/^[0-9]{1,7}(\.[0-9]{1,6})?$/);

/** What answers under a name, at one place. */
export const ModelAnswerer = z
  .strictObject({
    upstream: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._:-]{0,63}$/)
      .meta({
        description: 'What the responder calls the model server, or its built-in processor; not where it is.',
        example: 'local',
      }),
    weight: z
      .int()
      .min(1)
      .max(1000)
      .meta({ description: 'How often it is asked first, beside the others that share.', example: 1 })
      .optional(),
    can: z
      .array(z.enum(MODEL_CAPABILITIES))
      .max(MODEL_CAPABILITIES.length)
      .meta({ description: 'What it can do; absent where the model server decides.', example: ['chat', 'tools'] })
      .optional(),
    price: z
      .strictObject({
        input: Price.meta({ description: 'A million tokens of what is asked.', example: '0.4' }),
        output: Price.meta({ description: 'A million tokens of what is answered.', example: '1.6' }),
      })
      .meta({ description: 'What it costs, in `currency`.' })
      .optional(),
  })
  .meta({ id: 'ModelAnswerer' });

/** What answers under a name. */
export const NamedModel = z
  .strictObject({
    name: ModelName.meta({ description: 'What a prompt says as `model.name`.', example: 'small' }),
    default: z
      .boolean()
      .meta({ description: 'Whether it answers prompts that name no model, or `default`.', example: true }),
    alias_of: ModelName.meta({ description: 'The name that this one stands for.', example: 'llama' }).optional(),
    targets: z.array(ModelAnswerer).min(1).max(16).describe('Who is asked; of several, each by its weight.'),
    fallbacks: z.array(ModelAnswerer).max(16).describe('Who is asked in this order where none of them answers.'),
  })
  .meta({ id: 'NamedModel' });

/** The names of models that prompts may say at a responder. */
export const ModelList = z
  .strictObject({
    data: z.array(NamedModel).max(NAMES_MAX).describe('Names, in the order of the file of models; aliases last.'),
    others: z.boolean().meta({
      description: 'Whether other names are asked for too, as they are: the model server decides.',
      example: false,
    }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .meta({ description: 'What prices are in (ISO 4217).', example: 'USD' })
      .optional(),
  })
  .meta({ id: 'ModelList' });
export type ModelList = z.input<typeof ModelList>;
