import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exampleStatement, NAME, promptOf } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { withPart } from '../../test/raw-token.js';
import { tokenHash } from '../encoding/bytes.js';
import { rereadJws } from '../tokens/compact.js';
import { MetStatements } from './met-statements.js';
import type { Statement, StatementContext, VerifiedStatement } from './statement.js';
import { parseStatement, signStatement, verifyStatement } from './statement.js';

const BARE: Statement['content'] = { messages: [{ role: 'user', content: '' }], vars: {}, model: { name: 'm' } };
const FULL: Statement['content'] = {
  messages: [
    { role: 'system', content: 'Decide.' },
    { role: 'assistant', content: 'Yes.' },
    { role: 'user', content: '{{claim}}' },
  ],
  vars: { claim: { type: 'string', max: 9, default: 'none' } },
  model: {
    name: 'm',
    max_output_tokens: 1,
    temperature: 0.5,
    stop: ['a', 'b'],
    logit_bias: { '5': -1 },
    tools: [{ type: 'function', function: { name: 'look', description: 'd', parameters: '{}', strict: true } }],
    tool_choice: { type: 'function', function: { name: 'look' } },
    response_format: { type: 'json_object' },
  },
  source: 'as written',
};
let acme: TestOrganisation;
let token: string;
let chash: string;
/** The same words, with a signature that nobody made. */
let forged: string;
let met: MetStatements;
beforeAll(async () => {
  acme = await loadOrganisation('acme');
  token = await signStatement(exampleStatement(acme), await acme.signer('owner'));
  forged = withPart(token, 2, new Uint8Array(256));
  chash = await tokenHash('some content');
});
beforeEach(() => {
  met = new MetStatements(() => 0);
});

function meet(statement: string, changes: Partial<StatementContext> = {}): Promise<VerifiedStatement> {
  return verifyStatement(statement, {
    trust: acme.trust,
    now: NOW,
    chash,
    expect: { sub: promptOf(acme), name: NAME, ver: 3 },
    met,
    ...changes,
  });
}

describe('a statement that a responder met a moment ago', () => {
  it('is read again as it was read', async () => {
    const first = await meet(token);
    expect(met.keyOf(await tokenHash(token))).toBe(first.author.record);
    expect(await meet(token)).toEqual(first);
  });

  it.each<[string, Partial<Statement>]>([
    ['with all that it may say', { content: FULL, input: { messages: true, parameters: ['seed', 'stop'] } }],
    ['with as little as it may say', { content: BARE, input: { messages: false }, attachments: [], message: '' }],
  ])('says %s as before', async (_name, changes) => {
    const statement = await signStatement(exampleStatement(acme, changes), await acme.signer('owner'));
    expect(rereadJws(statement)).toEqual(parseStatement(statement));
  });

  it.each<[string, Partial<StatementContext>, string]>([
    ['for another prompt', { expect: { sub: 'urn:bulla:acme:prompt:x', name: NAME, ver: 3 } }, 'statement-place'],
    ['after the end of the key of its author', { now: NOW + 10 * 365 * 86_400 }, 'statement-key'],
  ])('is refused %s', async (_name, changes, check) => {
    await meet(token);
    await expect(meet(token, changes)).rejects.toMatchObject({ check });
  });

  it('is another one with any other byte', async () => {
    await meet(token);
    await expect(meet(forged)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('is not kept where its signature is not good', async () => {
    for (let times = 0; times < 2; times++)
      await expect(meet(forged)).rejects.toMatchObject({ code: 'signature_invalid' });
    expect(met.keyOf(await tokenHash(forged))).toBeUndefined();
  });

  it('is verified again under another record of the key [guard: statement-met-key]', async () => {
    const { record } = (await meet(token)).author;
    // What was found out under a record counts under no other, be it of the same key.
    met.keep(await tokenHash(forged), { ...record });
    await expect(meet(forged)).rejects.toMatchObject({ code: 'signature_invalid' });
  });
});
