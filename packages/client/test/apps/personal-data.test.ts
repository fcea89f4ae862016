import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { utf8 } from '@bulla/crypto';
import { AppSurface } from '../../src/apps/app-surface.js';
import type { PiiSettings } from '../../src/pii/pii-settings.js';
import type { World } from '../world.js';
import { makeWorld } from '../world.js';
import { tell } from './asking.js';

// Apps in the interfaces of their vendors, with personal data masked before it is sealed.

const CANARY = 'ada.canary@example.org';
const MESSAGES = [{ role: 'user', content: `Write to ${CANARY}` }];
let world: World;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
});
afterAll(() => world.stop());
afterEach(() => {
  world.responder.questions.length = 0;
});

const sent = () => JSON.stringify(world.responder.questions);
async function ask(pii: PiiSettings, body: object, path = '/chat/completions') {
  world.responder.script.deltas = () => {
    const placeholder = /<EMAIL_1_[a-z2-7]+>/.exec(sent())?.[0] ?? 'none';
    const chunks = [...placeholder.split('').map((content) => ({ content })), {}];
    return chunks.map((delta, index) => {
      const finish_reason = index === chunks.length - 1 ? 'stop' : null;
      return utf8(`${JSON.stringify({ model: 'small', choices: [{ index: 0, delta, finish_reason }] })}\n`);
    });
  };
  const surface = new AppSurface(await world.client(undefined, { pii }));
  return tell(surface, path, { model: 'small', messages: MESSAGES, max_tokens: 9, ...body });
}

describe('an app', () => {
  it.each([
    ['as a whole', '/chat/completions', { stream: false }],
    ['in a stream', '/chat/completions', { stream: true }],
    ['in a stream of messages', '/messages', { stream: true }],
    [
      'in a stream of responses',
      '/responses',
      { stream: true, messages: undefined, max_tokens: undefined, input: MESSAGES[0]?.content },
    ],
  ])('is told %s with what was masked, and by a header what was found', async (_name, path, body) => {
    const told = await ask({ mode: 'mask' }, body, path);
    expect({ status: told.status, header: told.headers['x-bulla-pii'] }).toEqual({
      status: 200,
      header: 'mask;email=1',
    });
    expect(told.text).toContain(CANARY);
    expect(told.text).not.toContain('EMAIL');
    expect(sent()).not.toContain('canary');
  });

  it('that sends what it may not gets 422 with the place, is not to try again, and nothing is sent', async () => {
    for (const stream of [false, true]) {
      const told = await ask({ mode: 'block' }, { stream });
      expect(told.status).toBe(422);
      expect(told.headers).toMatchObject({ 'content-type': expect.stringContaining('json') });
      expect(JSON.parse(told.text)).toMatchObject({
        code: 'pii_policy_failed',
        error: { code: 'pii_policy_failed' },
        errors: [{ pointer: '/messages/0/content', message: 'EMAIL' }],
      });
      expect(told.text).not.toContain('canary');
    }
    expect(world.responder.questions).toEqual([]);
  });
});
