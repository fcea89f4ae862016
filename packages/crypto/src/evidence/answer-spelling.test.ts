import { beforeAll, describe, expect, it } from '@jest/globals';
import { castOfMembers, exchange } from '../../test/answers.js';
import { decodeBase64url, encodeBase64url, encodeHex, utf8 } from '../encoding/bytes.js';
import { composeAnswer } from './evidence.js';
import { makeOrganisation } from '../testing.js';
import { verifyAnswer } from './verify-answer.js';

/** Order of the group of P-256 (SP 800-186 §3.2.1.3). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** An ES256 token with (r, n − s) for (r, s). */
function respelled(token: string): string {
  const [header, payload, signature = ''] = token.split('.');
  const bytes = decodeBase64url(signature);
  const s = N - BigInt(`0x${encodeHex(bytes.slice(32))}`);
  const other = Uint8Array.from(Buffer.from(s.toString(16).padStart(64, '0'), 'hex'));
  return `${header}.${payload}.${encodeBase64url(new Uint8Array([...bytes.slice(0, 32), ...other]))}`;
}

interface AnswerFile {
  readonly evidence: { fin: string; envelope: string; tags: string[]; invocation: string };
}

describe('an answer by keys on P-256', () => {
  let answer: string;
  let pin: string;
  let now: number;
  beforeAll(async () => {
    const organisation = await makeOrganisation({ suite: 'p256' });
    ({ pin } = organisation);
    now = organisation.now + 60;
    const cast = await castOfMembers(organisation);
    const { parts, asked } = await exchange(cast, organisation.author, { contents: ['Hi.'] });
    answer = composeAnswer({ ...parts, invocation: asked.sealed.inner });
  });

  const changed = (change: (evidence: AnswerFile['evidence']) => void) => {
    const file = JSON.parse(answer) as AnswerFile;
    change(file.evidence);
    return verifyAnswer(utf8(`${JSON.stringify(file)}\n`), { pin, now });
  };

  it('says the same with the other spelling of the signatures of its end and its tags', async () => {
    const verdict = await verifyAnswer(utf8(answer), { pin, now });
    expect(verdict.valid).toBe(true);
    const other = changed((evidence) => {
      evidence.fin = respelled(evidence.fin);
      evidence.tags = evidence.tags.map(respelled);
    });
    expect(await other).toEqual(verdict);
  });

  it.each(['envelope', 'invocation'] as const)(
    'is refused with the other spelling of its %s, which a hash binds',
    async (name) => {
      const other = changed((evidence) => {
        evidence[name] = respelled(evidence[name]);
      });
      expect(await other).toMatchObject({ valid: false, failure: { code: 'envelope_tampered' } });
    },
  );
});
