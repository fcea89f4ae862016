import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Exchange } from '../../test/answers.js';
import { answerFile, castOfMembers, exchange, tagOf } from '../../test/answers.js';
import type { Cast } from '../../test/exchange.js';
import { chatEnvelopeClaims } from '../../test/exchange.js';
import { utf8 } from '../encoding/bytes.js';
import { timestampOf } from '../tokens/document-times.js';
import type { EnvelopeClaims } from '../run/envelope.js';
import { composeAnswer } from './evidence.js';
import { parseFin } from '../run/reply.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { Verdict } from './verify-answer.js';
import { ANSWER_CHECKS, verifyAnswer } from './verify-answer.js';

const TAMPERED = 'envelope_tampered';

let organisation: TestOrganisation;
let cast: Cast;
let made: Exchange;

beforeAll(async () => {
  organisation = await makeOrganisation({ policy: { chat: ['grp:support'] } });
  cast = await castOfMembers(organisation);
  made = await exchange(cast, organisation.author);
});

function verify(text: string, now: number = cast.now + 60): Promise<Verdict> {
  return verifyAnswer(utf8(text), { pin: organisation.pin, now });
}

function detailOf(verdict: Verdict, name: string): string | undefined {
  return verdict.checks.find((check) => check.name === name)?.detail;
}

describe('verifyAnswer', () => {
  it('accepts an honest answer and tells what it shows, one check after another', async () => {
    const verdict = await verify(composeAnswer(made.parts));
    expect(verdict).toMatchObject({
      valid: true,
      verdict: `VALID as of ${organisation.trust.directory.issued}`,
      answer: {
        text: 'Call the plumber.',
        prompt: { name: 'claims/triage', version: 3 },
        responder: cast.responder.urn,
        asker: cast.asker.urn,
        usage: { total_tokens: 9 },
        model: 'echo',
        finish: 'stop',
        // When the responder says it ended, however much later somebody verifies it.
        answeredAt: timestampOf(parseFin(made.parts.fin).claims.iat),
        profile: 'development',
        question: undefined,
      },
    });
    const names = verdict.checks.map(({ name }) => name);
    // This one carries no checkpoint; run/reply-checkpoint.test.ts has one that does.
    expect(names).toEqual(ANSWER_CHECKS);
    const notLookedFor = verdict.checks.flatMap(({ name, state }) => (state === 'passed' ? [] : [name, state]));
    expect(notLookedFor).toEqual([
      'checkpoint',
      'not_looked_for',
      'question',
      'not_looked_for',
      'revoked-since',
      'not_looked_for',
    ]);
    const members = names.slice(-5, -1);
    expect(members.map((name) => detailOf(verdict, name))).toEqual(
      members.map((name) => `${name} is what the responder signed`),
    );
  });

  it('says that only the asker can show the question, until it is shown', async () => {
    const hidden = await verify(composeAnswer(made.parts));
    expect(detailOf(hidden, 'question')).toBe('answer to a question whose content only the asker can show');
    const shown = await verify(composeAnswer({ ...made.parts, invocation: made.asked.sealed.inner }));
    expect(shown.answer?.question).toEqual(made.asked.question);
    expect(detailOf(shown, 'question')).toBe(`asked by ${cast.asker.urn}`);
  });

  it('never reads what the asker’s client claims to have verified', async () => {
    const doubted = answerFile(made.parts, (answer) => (answer['verified'] = false));
    expect(await verify(doubted)).toMatchObject({ valid: true });
  });

  it('accepts the answer to a chat', async () => {
    const { parts } = await exchange(cast, organisation.author, { envelope: chatEnvelopeClaims(cast) });
    const verdict = await verify(composeAnswer(parts));
    expect(verdict).toMatchObject({ valid: true, answer: { prompt: undefined } });
    expect(detailOf(verdict, 'tags')).toBe('a chat without a stored prompt');
  });

  it('accepts an answer that is a sealed error', async () => {
    const fin = { finish: 'error', err: { code: 'model_unavailable' } } as const;
    const { parts } = await exchange(cast, organisation.author, { contents: [], fin });
    expect(await verify(composeAnswer(parts))).toMatchObject({ valid: true, answer: { text: '', finish: 'error' } });
  });

  it('accepts an answer of long ago, whose documents have expired, and says so [red: for this alone] [refuses: directory-expired]', async () => {
    const verdict = await verify(composeAnswer(made.parts), cast.now + 3 * 365 * 86_400);
    expect(verdict).toMatchObject({ valid: true, verdict: `VALID as of ${organisation.trust.directory.issued}` });
    expect(detailOf(verdict, 'trust')).toContain('expired since');
  });

  it('accepts a reply that was signed after its envelope had ended, as long as a run may take', async () => {
    const { parts } = await exchange(cast, organisation.author, { fin: { iat: cast.now + 1800 } });
    expect(await verify(composeAnswer(parts), cast.now + 7200)).toMatchObject({ valid: true });
  });

  it.each<[string, (answer: Parameters<NonNullable<Parameters<typeof answerFile>[1]>>[0]) => void, string]>([
    ['text [guard: answer-member]', (answer) => (answer['text'] = 'Call nobody.'), 'text'],
    ['usage', (answer) => (answer['usage'] = { prompt_tokens: 7 }), 'usage'],
    ['prompt name', (answer) => (answer['prompt'] = { name: 'claims/other', version: 3 }), 'prompt'],
    ['prompt version', (answer) => (answer['prompt'] = { name: 'claims/triage', version: 4 }), 'prompt'],
    ['prompt, taken away', (answer) => delete answer['prompt'], 'prompt'],
    ['responder', (answer) => (answer['responder'] = organisation.responders[1].urn), 'responder'],
    ['deltas, one taken away', (answer) => deltasOf(answer).pop(), 'reply-frame-count'],
    ['deltas, one twice', (answer) => deltasOf(answer).push(deltasOf(answer)[0] ?? ''), 'reply-frame-count'],
    ['deltas, reordered', (answer) => (answer.evidence['deltas'] = deltasOf(answer).toReversed()), 'reply-transcript'],
    [
      'deltas, two joined',
      (answer) => deltasOf(answer).splice(0, 2, Buffer.concat(made.parts.deltas.slice(0, 2)).toString('base64url'), ''),
      'reply-transcript',
    ],
  ])('refuses another %s as envelope_tampered, by name', async (_name, change, check) => {
    expect(await verify(answerFile(made.parts, change))).toMatchObject({
      valid: false,
      failure: { code: TAMPERED, check },
    });
  });

  it.each<[string, string, () => Promise<Partial<Exchange['parts']>>, string, string]>([
    ['the head', 'of another reply', async () => ({ head: (await anew()).parts.head }), TAMPERED, 'reply-question-id'],
    ['the fin', 'of another reply', async () => ({ fin: (await anew()).parts.fin }), TAMPERED, 'reply-question-id'],
    [
      'the envelope',
      'of another question',
      async () => ({ envelope: (await anew()).parts.envelope }),
      TAMPERED,
      'reply-envelope',
    ],
    ['the tags', 'missing', async () => ({ tags: [] }), 'token_malformed', 'tag-count'],
    [
      'the tag',
      'of another prompt [guard: answer-tag-prompt]',
      () => tags({ sub: `urn:bulla:acme:prompt:${OTHER_PROMPT}` }),
      TAMPERED,
      'tag-prompt',
    ],
    ['the tag', 'of another name', () => tags({ name: 'claims/other' }), TAMPERED, 'tag-name'],
    [
      'the tag',
      'of another content [guard: answer-tag-version]',
      () => tags({ chash: 'A'.repeat(43) }),
      TAMPERED,
      'tag-version',
    ],
    ['the tag', 'latest of a lower version', () => tags({ ver: 2 }), TAMPERED, 'tag-version'],
    ['the tag', 'production of a higher version', () => tags({ tag: 'production', ver: 4 }), TAMPERED, 'tag-version'],
    [
      'the tag',
      'by somebody outside the label’s groups',
      () => tags({}, organisation.invoker),
      'forbidden',
      'tag-threshold',
    ],
    [
      'the question',
      'of somebody else’s',
      async () => ({ invocation: (await anew()).asked.sealed.inner }),
      TAMPERED,
      'reply-question-signed',
    ],
  ])('refuses %s %s', async (_what, _which, change, code, check) => {
    const file = composeAnswer({ ...made.parts, ...(await change()) });
    expect(await verify(file)).toMatchObject({ valid: false, failure: { code, check } });
  });

  it('refuses a wrong pin before anything else', async () => {
    const other = await makeOrganisation({ org: 'globex' });
    const refused = verifyAnswer(composeAnswer(made.parts), { pin: other.pin, now: cast.now });
    expect(await refused).toMatchObject({ valid: false, failure: { code: 'pin_mismatch', check: 'root-pin' } });
  });

  it('refuses a file that is none, by name', async () => {
    expect(await verify('{}')).toMatchObject({
      valid: false,
      failure: { code: 'token_malformed', check: 'answer-form' },
    });
  });

  it.each<[string, ExchangeChange, string, string]>([
    [
      'signed by another responder [red] [refuses: fin-of-another]',
      { signer: 1 },
      'responder_key_changed',
      'reply-key',
    ],
    ['from before its envelope', { iat: -3600 }, 'clock_skew', 'envelope-times'],
    ['from the future', { iat: 130 }, 'clock_skew', 'reply-time'],
    [
      'long after its envelope [guard: answer-envelope-late]',
      { iat: 120 + 3601, now: 7200 },
      'envelope_expired',
      'envelope-times',
    ],
    [
      'under another directory than is shown [guard: answer-directory]',
      { dir: { ver: 9, hash: 'A'.repeat(43) } },
      TAMPERED,
      'reply-directory',
    ],
    ['under a fork of the directory', { dir: { ver: 1, hash: 'A'.repeat(43) } }, TAMPERED, 'reply-directory'],
    [
      'for an API key that the question does not name [guard: answer-act]',
      { act: 'key_1', show: true },
      TAMPERED,
      'reply-act',
    ],
  ])('refuses a reply %s', async (_name, change, code, check) => {
    const by = {
      ...cast,
      responder: { ...cast.responder, signer: organisation.responders[change.signer ?? 0].signer },
    };
    const { iat = 5, dir = organisation.trust.directoryRef } = change;
    const fin = { iat: cast.now + iat, dir, ...(change.act && { act: change.act }) };
    const { parts, asked } = await exchange(by, organisation.author, { fin });
    const file = composeAnswer({ ...parts, ...(change.show && { invocation: asked.sealed.inner }) });
    expect(await verify(file, cast.now + (change.now ?? 60))).toMatchObject({ valid: false, failure: { code, check } });
  });

  it.each([
    ['after the end of [guard: answer-time]', 90 * 86_400 + 3600],
    ['before', -3600],
  ])('refuses a reply from %s its directory', async (_name, seconds) => {
    const then = { ...cast, now: cast.now + seconds };
    const { parts } = await exchange(then, organisation.author);
    expect(await verify(composeAnswer(parts), cast.now + 100 * 86_400)).toMatchObject({
      valid: false,
      failure: {
        code: TAMPERED,
        check: 'reply-time',
      },
    });
  });

  it('accepts a version that was named by its number after latest moved on, and says what the tags then show', async () => {
    const verdict = await verify(composeAnswer({ ...made.parts, ...(await tags({ ver: 4, chash: 'A'.repeat(43) })) }));
    expect(verdict.valid).toBe(true);
    expect(detailOf(verdict, 'tags')).toContain('version 3 was named by its number: the label latest, at 4');
  });

  it('says when the tags had expired before the question was asked', async () => {
    const expired = await tags({ iat: cast.now - 86_400, exp: cast.now - 1 });
    const verdict = await verify(composeAnswer({ ...made.parts, ...expired }));
    expect(detailOf(verdict, 'tags')).toContain('expired when the question was asked');
  });

  it('refuses tags beside a chat', async () => {
    const { parts } = await exchange(cast, organisation.author, { envelope: chatEnvelopeClaims(cast) });
    const file = composeAnswer({ ...parts, tags: made.parts.tags });
    expect(await verify(file)).toMatchObject({ valid: false, failure: { code: TAMPERED, check: 'tag-count' } });
  });

  interface ExchangeChange {
    readonly signer?: 0 | 1;
    readonly iat?: number;
    readonly now?: number;
    readonly dir?: { ver: number; hash: string };
    readonly act?: string;
    readonly show?: true;
  }

  const OTHER_PROMPT = 'prm_01kbz2p8e4fxq9m3y7t5w6v8na';

  function anew(): Promise<Exchange> {
    return exchange(cast, organisation.author);
  }

  async function tags(
    change: Parameters<typeof tagOf>[3],
    by: TestOrganisation['author'] = organisation.author,
  ): Promise<Pick<Exchange['parts'], 'tags'>> {
    return { tags: [await tagOf(cast, made.asked.envelope as EnvelopeClaims, by, change)] };
  }

  function deltasOf(answer: { evidence: Record<string, unknown> }): string[] {
    return answer.evidence['deltas'] as string[];
  }
});
