import { messageText } from '@bulla/crypto';
import { BUILT_IN_CAN, streamInPieces } from './built-in-answer.js';
import { Model, type ModelChunk, type ModelMessage, type ModelRequest } from './model.js';

const SENTENCES_MAX = 3;

const LINE_END = /[\r\n]+/;
/** White space after . ! ? … with closing quotes and brackets; or the place after a full-width mark. */
const SENTENCE_END = /(?<=[.!?…]["'”’»)\]]{0,4})\s+|(?<=[。！？])/u;
/** One ideograph or syllable sign of a script without spaces; or a run of other letters and digits, three or more. */
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])[\p{L}\p{M}\p{N}]){3,}/gu;

/**
 * Answers with the sentences of the rendered prompt that share most words with its last message. It is not a language
 * model: it writes nothing of its own, and the same prompt always gets the same answer.
 */
export class ExtractModel extends Model {
  override readonly name = 'builtin:extract';
  override readonly can = BUILT_IN_CAN;

  override stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<readonly ModelChunk[]> {
    return streamInPieces(this.name, () => extractAnswer(request.messages), request, signal);
  }
}

/**
 * The rule, also in docs/guide/models.md:
 * 1. Sentences are cut at line ends, after . ! ? … where white space follows, and after 。！？ in any case. A sentence
 *    that stands there twice counts once, where it stands first.
 * 2. Words are runs of three or more letters or digits, in lower case (NFKC); ideographs and kana are words each.
 * 3. A sentence's score is the number of its different words that the last message also has, in another sentence.
 * 4. The three sentences of the highest score win, the earlier one on a tie; they are given in the order of the prompt,
 *    one per line. Sentences of score 0 win only where no sentence has more, and sentences without a word never.
 */
export function extractAnswer(messages: readonly ModelMessage[]): string {
  const texts = messages.map(messageText);
  const question = new Set(sentencesOf(texts.at(-1) ?? ''));
  const asked = countSentencesByWord(question);
  const sentences = new Set(texts.flatMap(sentencesOf));
  const candidates = [...sentences].flatMap((text, place) => {
    const words = wordsOf(text);
    const own = question.has(text) ? 1 : 0;
    const score = [...words].filter((word) => (asked.get(word) ?? 0) > own).length;
    return words.size === 0 ? [] : [{ text, place, score }];
  });
  const ranked = candidates.toSorted((a, b) => b.score - a.score || a.place - b.place).slice(0, SENTENCES_MAX);
  const sharing = ranked.filter(({ score }) => score > 0);
  const winners = sharing.length > 0 ? sharing : ranked;
  return winners
    .toSorted((a, b) => a.place - b.place)
    .map(({ text }) => text)
    .join('\n');
}

function sentencesOf(text: string): string[] {
  // In two steps: one expression for both would backtrack through long runs of white space.
  const sentences = text.split(LINE_END).flatMap((line) => line.split(SENTENCE_END).map((sentence) => sentence.trim()));
  return sentences.filter((sentence) => sentence !== '');
}

function wordsOf(sentence: string): Set<string> {
  return new Set(sentence.normalize('NFKC').toLowerCase().match(WORD));
}

/** In how many of the sentences each word stands. */
function countSentencesByWord(sentences: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const sentence of sentences) {
    for (const word of wordsOf(sentence)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}
