import * as z from 'zod';
import { base64urlText } from './alphabet.js';
import { Bundle } from './envelopes.js';
import { FRAME_CHARACTERS_MAX, FRAMES_MAX, HEAD_CHARACTERS_MAX } from './limits.js';
import { QuestionToken } from './tokens.js';

const Head = base64urlText(HEAD_CHARACTERS_MAX);
const Frame = base64urlText(FRAME_CHARACTERS_MAX);

/** A bundle and the question sealed to the same responder. */
export const NewInvocation = z.strictObject({ bundle: Bundle, inv: QuestionToken }).meta({ id: 'NewInvocation' });
export type NewInvocation = z.infer<typeof NewInvocation>;

/** A whole answer, sealed to the asker: the bytes of head, frames and final frame in base64url. */
export const Reply = z
  .strictObject({ head: Head, frames: z.array(Frame).max(FRAMES_MAX), final: Frame })
  .meta({ id: 'Reply' });
export type Reply = z.infer<typeof Reply>;

/** One event of an answer as `text/event-stream`: one head, frames counted from 0, one final; a stream without its final is cut. */
export const ReplyEvent = z
  .discriminatedUnion('event', [
    z.strictObject({ event: z.literal('bulla.head'), data: Head }),
    z.strictObject({
      event: z.literal('bulla.frame'),
      id: z
        .int()
        .min(0)
        .max(FRAMES_MAX - 1),
      data: Frame,
    }),
    z.strictObject({ event: z.literal('bulla.final'), data: Frame }),
  ])
  .meta({ id: 'ReplyEvent' });
export type ReplyEvent = z.infer<typeof ReplyEvent>;
