import { GROUPS_MAX, isVisibleName, PARAMETER_NAMES } from '@bulla/crypto/names';
import * as z from 'zod';
import {
  STATEMENT_MESSAGES_MAX,
  STATEMENT_RESPONDERS_MAX,
  STATEMENT_TEXT_CHARACTERS_MAX,
  VALUE_CHARACTERS_MAX,
} from '../http/limits.js';
import { Group, ResponderUrn } from '../ids.js';
import { parameters } from './parameters.js';
import { VARIABLE_PATTERN } from './template.js';

const groups = (description: string) => z.array(Group).max(GROUPS_MAX).describe(description);
const text = z.string().max(STATEMENT_TEXT_CHARACTERS_MAX);
const tokensMax = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** What an author writes of a version, as the statement has it (docs/spec/statement.md), but for what follows from its place. */
export const ClearStatement = z
  .strictObject({
    acl: z
      .strictObject({
        invoke: groups('Groups whose members may run it.'),
        read: groups('Groups whose members may read it.'),
        responders: z.array(ResponderUrn).max(STATEMENT_RESPONDERS_MAX).describe('Where it runs.'),
      })
      .describe('Who may run and read it, and where.'),
    input: z
      .strictObject({
        messages: z.boolean().meta({ description: 'Whether askers may add messages.', example: false }),
        parameters: z
          .array(z.enum(PARAMETER_NAMES))
          .min(1)
          .max(PARAMETER_NAMES.length)
          .refine((names) => new Set(names).size === names.length, 'must name each once')
          .meta({ description: 'What of the model askers may set.', example: ['temperature'] })
          .optional(),
      })
      .describe('What askers may send beside variables.'),
    content: z
      .strictObject({
        messages: z
          .array(
            z.strictObject({
              role: z.enum(['system', 'user', 'assistant']).meta({ description: 'Who speaks.', example: 'user' }),
              content: text.meta({ description: 'What is said, a template.', example: 'Sort: {{claim}}' }),
            }),
          )
          .min(1)
          .max(STATEMENT_MESSAGES_MAX)
          .describe('The text, in messages.'),
        vars: z
          .record(
            z.string().regex(VARIABLE_PATTERN, 'must be the name of a variable'),
            z
              .strictObject({
                type: z.literal('string').meta({ description: 'The one type.', example: 'string' }),
                max: z
                  .int()
                  .min(1)
                  .max(VALUE_CHARACTERS_MAX)
                  .meta({ description: 'Longest value in UTF-16 code units.', example: 20_000 }),
                default: z
                  .string()
                  .max(VALUE_CHARACTERS_MAX)
                  .meta({ description: 'What it is where nobody says.', example: 'none' })
                  .optional(),
              })
              .refine(({ default: initial = '', max }) => initial.length <= max, {
                error: 'must be no longer than max',
                path: ['default'],
              }),
          )
          .meta({ description: 'The variables, by name.', example: { claim: { type: 'string', max: 20_000 } } }),
        model: z
          .strictObject({
            name: z
              .string()
              .min(1)
              .max(256)
              .refine((name) => isVisibleName(name), 'must be visible characters')
              .meta({ description: 'The model, as responders know it.', example: 'default' }),
            max_output_tokens: tokensMax.meta({ description: 'How long an answer may be.', example: 800 }).optional(),
            ...parameters,
          })
          .describe('The model that it asks for.'),
        source: text.meta({ description: 'The file as it was written.', example: 'Sort: {{claim}}' }).optional(),
      })
      .describe('What it says.'),
    protect_until: z.iso.date().meta({ description: 'Last day on which it must be secret.', example: '2030-12-31' }),
    message: z
      .string()
      .max(1000)
      .meta({ description: 'What is new in this version.', example: 'ask for the policy number' }),
  })
  .meta({
    id: 'ClearStatement',
    description: 'What an author writes of a version, but for what follows from its place.',
  });
export type ClearStatement = z.infer<typeof ClearStatement>;
