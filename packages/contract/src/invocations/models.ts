import { isVisibleName } from '@bulla/crypto/names';
import * as z from 'zod';

const NAMES_MAX = 10_000;

const ModelName = z
  .string()
  .min(1)
  .max(256)
  .refine((name) => isVisibleName(name), 'must be a name whose characters all show');

/** What answers under a name. */
export const NamedModel = z
  .strictObject({
    name: ModelName.meta({ description: 'What a prompt says as `model.name`.', example: 'small' }),
    default: z
      .boolean()
      .meta({ description: 'Whether it answers prompts that name no model, or `default`.', example: true }),
    alias_of: ModelName.meta({ description: 'The name that this one stands for.', example: 'llama' }).optional(),
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
  })
  .meta({ id: 'ModelList' });
export type ModelList = z.input<typeof ModelList>;
