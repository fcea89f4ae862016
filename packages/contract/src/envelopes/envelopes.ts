import * as z from 'zod';
import { EnvelopeId, Label, PromptId, PromptName, ResponderUrn, Timestamp } from '../ids.js';
import { CHAT_MODELS_MAX, CHAT_USES_MAX, FRESH_MAX, TAGS_MAX, USES_MAX } from '../http/limits.js';
import { ModelName } from '../invocations/models.js';
import { FormatVersion, Version } from '../numbers.js';
import { ContentToken, EnvelopeToken, FreshToken, GrantToken, TagToken } from '../tokens.js';

const exactlyOne = (one: unknown, other: unknown) => (one === undefined) !== (other === undefined);

const aud = ResponderUrn.describe('The responder that is to run it.');

/** What to run, and where: a prompt by id or name, its version by number or label. */
export const NewPromptEnvelope = z
  .strictObject({
    purpose: z.literal('prompt.invoke').describe('To run a stored prompt; this unless given.').optional(),
    prompt: PromptId.describe('The prompt, by its id.').optional(),
    name: PromptName.describe('The prompt, by its name: either this or prompt.').optional(),
    version: Version.describe('The version, by its number.').optional(),
    label: Label.describe('The version, by a label: either this or version.').optional(),
    aud,
    uses: z.int().min(1).max(USES_MAX).default(1).meta({ description: 'How often it may be used.', example: 1 }),
  })
  .refine(({ prompt, name }) => exactlyOne(prompt, name), {
    error: 'must have either prompt or name',
    path: ['prompt'],
  })
  .refine(({ version, label }) => exactlyOne(version, label), {
    error: 'must have either version or label',
    path: ['version'],
  })
  .meta({
    id: 'NewPromptEnvelope',
    example: { name: 'claims/triage', label: 'production', aud: 'urn:bulla:acme:svc:responder:eu1', uses: 1 },
  });
export type NewPromptEnvelope = z.infer<typeof NewPromptEnvelope>;

/** A chat without a stored prompt: with which models, where, and how often. */
export const NewChatEnvelope = z
  .strictObject({
    purpose: z.literal('chat.invoke').describe('To ask without a stored prompt.'),
    models: z
      .array(ModelName.meta({ description: 'A model that may be asked, as the responder lists it.', example: 'small' }))
      .min(1)
      .max(CHAT_MODELS_MAX)
      .refine((models) => new Set(models).size === models.length, 'must name each model once')
      .describe('The models that may be asked; each question names one of them.'),
    aud,
    uses: z.int().min(1).max(CHAT_USES_MAX).default(1).meta({
      description:
        'How many questions it is good for. With more than one it lives longer, and a device has two of them at most.',
      example: 100,
    }),
    replaces: EnvelopeId.describe(
      'An envelope for several questions that this device has used up: the new one takes its place.',
    ).optional(),
  })
  .meta({
    id: 'NewChatEnvelope',
    example: { purpose: 'chat.invoke', models: ['default'], aud: 'urn:bulla:acme:svc:responder:eu1', uses: 100 },
  });
export type NewChatEnvelope = z.infer<typeof NewChatEnvelope>;

/** What is to be allowed: a run of a stored prompt, or chats. */
export const NewEnvelope = z
  .discriminatedUnion('purpose', [NewPromptEnvelope, NewChatEnvelope])
  .meta({ id: 'NewEnvelope' });
export type NewEnvelope = z.infer<typeof NewEnvelope>;

/**
 * What a vault hands out and a responder takes: the envelope, the grant and content it names, and the tags through
 * which the version was found. A chat's bundle has no grant and no content; which one it is, the envelope's type says.
 */
export const Bundle = z
  .strictObject({
    v: FormatVersion,
    env: EnvelopeToken,
    grant: GrantToken.optional(),
    content: ContentToken.optional(),
    tags: z.array(TagToken).max(TAGS_MAX).describe('The tags through which the version was found; none in a chat.'),
    fresh: z
      .array(FreshToken)
      .min(1)
      .max(FRESH_MAX)
      .describe('What renewers say of the position of these tags; left out where the tags say it themselves.')
      .optional(),
  })
  .meta({ id: 'Bundle', description: 'What a vault handed out: the envelope, and what it names.' });
export type Bundle = z.infer<typeof Bundle>;

/** What became of an envelope. */
export const EnvelopeStatus = z
  .strictObject({
    jti: EnvelopeId,
    state: z.enum(['issued', 'expired']).meta({ description: 'How it stands.', example: 'issued' }),
    expires_at: Timestamp.describe('When it ends.'),
  })
  .meta({ id: 'EnvelopeStatus' });
export type EnvelopeStatus = z.input<typeof EnvelopeStatus>;
