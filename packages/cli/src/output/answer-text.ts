import type { Answer, ChatAnswer, PiiReport } from '@bulla/client';
import { fingerprint, parseAnswer, parseFin } from '@bulla/crypto';
import { CheckFailed } from './exit-code.js';
import type { Output, Part } from './output.js';
import { styled } from './output.js';
import { quoted } from './visible-text.js';

export const WAITING_FOR_ANSWER = 'waiting for the answer';

/** What comes of an answer in pieces: text, and at the end the verified answer. */
interface Piece<Of> {
  readonly text?: string | undefined;
  readonly answer?: Of | undefined;
}

/** Shows the text of an answer as it comes. @throws {CheckFailed} where it has no verified end */
export async function readAnswer<Of>(
  out: Output,
  events: AsyncGenerator<Piece<Of>>,
  show: (text: string) => void,
): Promise<Of> {
  const first = await out.during(WAITING_FOR_ANSWER, events.next());
  for (let next = first; next.done !== true; next = await events.next()) {
    const { text, answer } = next.value;
    if (answer !== undefined) return answer;
    if (text !== undefined && text !== '') show(text);
  }
  throw new CheckFailed('the stream ended without its signed end (check reply-final)');
}

/** What was found of personal data before the question was sealed, and what became of it. */
function piiInWords({ mode, found }: PiiReport): string {
  const counts = Object.entries(found).map(([type, count]) => `${type} ${count}`);
  if (counts.length === 0) return 'no personal data found';
  return `${mode === 'mask' ? 'masked' : 'found'}: ${counts.join(', ')}`;
}

/** The line under an answer: what it took, which model said it, and whose signature was verified. */
export function answerFooter(answer: Answer | ChatAnswer, durationMs: number): Part[] {
  const { usage, model, finish, responder } = answer;
  const tokens =
    usage.prompt_tokens === undefined || usage.completion_tokens === undefined
      ? 'tokens not counted'
      : `${usage.prompt_tokens} in / ${usage.completion_tokens} out tokens`;
  const cut = finish === 'length' ? ' · cut at the longest length allowed' : '';
  const builtIn = model.startsWith('builtin:') ? ' (not a language model)' : '';
  const pii = answer.pii === undefined ? '' : ` · ${piiInWords(answer.pii)}`;
  const by = responder.split(':').slice(5).join(':');
  const { kid } = parseFin(parseAnswer(answer.toFile()).evidence.fin).header;
  return [
    styled(`— ${tokens} · ${(durationMs / 1000).toFixed(1)} s · ${quoted(model)}${builtIn}${cut}${pii} · `, 'faint'),
    styled('✔', 'good'),
    styled(` signed by responder ${by} ${fingerprint(kid).slice(0, 9)}`, 'faint'),
  ];
}
