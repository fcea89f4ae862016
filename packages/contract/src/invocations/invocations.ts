import * as z from 'zod';
import { base64urlText } from '../alphabet.js';
import { Bundle } from '../envelopes/envelopes.js';
import { FRAME_CHARACTERS_MAX, FRAMES_MAX, HEAD_CHARACTERS_MAX } from '../http/limits.js';
import { QuestionToken } from '../tokens.js';

const Head = base64urlText(HEAD_CHARACTERS_MAX).meta({
  description: 'The head of the answer, in base64url. Shortened here.',
  example: 'eyJ2IjoxLCJpc3MiOiJ1cm46YnVsbGE6YWNtZTpzdmM6cmVzcG9uZGVyOmV1MSJ9',
});
const Frame = base64urlText(FRAME_CHARACTERS_MAX).meta({
  description: 'A sealed frame, in base64url. Shortened here.',
  example: 'gf3qxJp1c2VhbGVk',
});
const Final = Frame.describe('The final frame, with the signed end of the answer, in base64url. Shortened here.');
const event = <Name extends string>(name: Name) =>
  z.literal(name).meta({ description: 'The kind of event.', example: name });

/** A bundle and the question sealed to the same responder. */
export const NewInvocation = z.strictObject({ bundle: Bundle, inv: QuestionToken }).meta({ id: 'NewInvocation' });
export type NewInvocation = z.infer<typeof NewInvocation>;

/** A whole answer, sealed to the asker: the bytes of head, frames and final frame in base64url. */
export const Reply = z
  .strictObject({ head: Head, frames: z.array(Frame).max(FRAMES_MAX).describe('The frames, in order.'), final: Final })
  .meta({ id: 'Reply' });
export type Reply = z.infer<typeof Reply>;

/** One event of an answer as `text/event-stream`: one head, frames counted from 0, one final; a stream without its final is cut. */
export const ReplyEvent = z
  .discriminatedUnion('event', [
    z.strictObject({ event: event('bulla.head'), data: Head }),
    z.strictObject({
      event: event('bulla.frame'),
      id: z
        .int()
        .min(0)
        .max(FRAMES_MAX - 1)
        .meta({ description: 'Which frame, from 0.', example: 0 }),
      data: Frame,
    }),
    z.strictObject({ event: event('bulla.final'), data: Final }),
  ])
  .meta({ id: 'ReplyEvent' });
export type ReplyEvent = z.infer<typeof ReplyEvent>;
