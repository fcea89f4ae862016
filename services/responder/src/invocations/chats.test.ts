import { beforeAll, describe, expect, it } from '@jest/globals';
import { ask, storePrompt } from '../../test/asking.js';
import type { ChatOptions } from '../../test/chatting.js';
import { askChat, CANARY_MESSAGE } from '../../test/chatting.js';
import { refusalOf, suite } from '../../test/suite.js';
import { EchoModel } from '../models/echo.model.js';
import { ModelRegistry } from '../models/model-registry.js';

const echo = new EchoModel();
const all = suite({
  organisation: { policy: { chat: ['grp:support'] } },
  models: async () =>
    new ModelRegistry({
      models: new Map([
        ['small', { targets: [{ model: echo, upstream: 'echo' }] }],
        ['large', { targets: [{ model: echo, upstream: 'echo' }] }],
      ]),
      default: 'small',
    }),
});
let chat: (options?: ChatOptions) => ReturnType<typeof askChat>;
beforeAll(() => {
  chat = (options) => askChat(all.organisation, options);
});

describe('a chat without a stored prompt', () => {
  it.each([false, true])('is answered, and its end says that it is one (stream: %s)', async (stream) => {
    const asked = await chat({ question: { opt: { stream, privacy: 'padded', model: 'default' } } });
    const { text, fin } = await all.run(asked);
    expect(text).toContain(CANARY_MESSAGE);
    expect(fin).toMatchObject({ purpose: 'chat.reply', finish: 'stop', aud: all.organisation.invoker.urn });
    expect(fin).not.toHaveProperty('prm');
  });

  it('is in the log of the responder, as a question without a prompt', async () => {
    const asked = await chat();
    await all.run(asked);
    const { jti } = asked.question;
    const { rows } = await all.database.db
      .selectFrom('audit_event')
      .select('event')
      .execute()
      .then((found) => ({ rows: found.filter(({ event }) => JSON.stringify(event).includes(jti)) }));
    expect(rows.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({
        act: 'invocation.run',
        obj: { invocation: jti, envelope: asked.envelope.jti, replayed: false },
      }),
    );
  });

  it('is asked as often as its envelope says, each time anew, and never more', async () => {
    const first = await chat({ envelope: { pol: { uses: 3, stream: true, models: ['default'] } } });
    await all.run(first);
    for (let use = 2; use <= 3; use++) expect((await all.run(await chat({ earlier: first }))).fin.finish).toBe('stop');
    // The very same question is answered again and counts once.
    expect((await all.run(first)).fin.finish).toBe('stop');
    const over = await chat({ earlier: first });
    expect(await refusalOf(all, over, await all.send(over))).toEqual({ code: 'envelope_replayed', sealed: false });
  });
});

describe('a chat is refused', () => {
  it.each<[string, ChatOptions, { code: string; sealed: boolean }]>([
    [
      'for a model that its envelope does not name',
      { question: { opt: { stream: false, privacy: 'padded', model: 'large' } } },
      { code: 'model_not_allowed', sealed: true },
    ],
    [
      'for a model that the responder does not have',
      {
        envelope: { pol: { uses: 1, stream: true, models: ['other'] } },
        question: { opt: { stream: false, privacy: 'padded', model: 'other' } },
      },
      { code: 'model_not_allowed', sealed: true },
    ],
    ['with variables', { question: { vars: { claim: 'one' } } }, { code: 'variable_unknown', sealed: true }],
    ['without a message', { question: { messages: [] } }, { code: 'validation_failed', sealed: true }],
    [
      'past its time',
      { envelope: { iat: 1_000, nbf: 1_000, exp: 1_120 } },
      { code: 'envelope_expired', sealed: false },
    ],
  ])('%s', async (_name, options, refusal) => {
    const asked = await chat(options);
    expect(await refusalOf(all, asked, await all.send(asked))).toEqual(refusal);
  });

  it('as a stream that its envelope does not allow', async () => {
    const asked = await chat({
      envelope: { pol: { uses: 1, stream: false, models: ['default'] } },
      question: { opt: { stream: true, privacy: 'padded', model: 'default' } },
    });
    expect((await all.run(asked)).fin.err).toEqual({ code: 'forbidden' });
  });

  it('of a device that the policy does not let chat, before a key is used [guard: run-chat]', async () => {
    const { organisation, responder } = all;
    const device = await organisation.makeDevice('silent', { roles: ['invoker'], groups: ['grp:others'] });
    await organisation.publish((draft) => {
      draft.entities[device.urn] = device.entity;
    });
    await all.refresh();
    const asked = await chat({ asker: device });
    const response = await responder.client(device).post('/api/v1/invocations', asked.body);
    expect(response.status).toBe(403);
    expect(response.body).toMatchObject({ code: 'forbidden' });
  });

  it('beside a grant, and a prompt without one', async () => {
    const prompt = await storePrompt(all.organisation);
    const ofPrompt = await ask(all.organisation, prompt);
    const beside = await chat({ bundle: { grant: prompt.grant } });
    const { grant: _grant, ...without } = ofPrompt.body.bundle;
    for (const body of [beside.body, { ...ofPrompt.body, bundle: without }]) {
      const response = await all.send({ body });
      expect([response.status, response.body]).toEqual([400, expect.objectContaining({ code: 'validation_failed' })]);
    }
  });

  it('under the envelope of a prompt, and a prompt under that of a chat', async () => {
    const ofPrompt = await ask(all.organisation, await storePrompt(all.organisation));
    const ofChat = await chat();
    for (const [bundle, inv] of [
      [ofPrompt.body.bundle, ofChat.body.inv],
      [ofChat.body.bundle, ofPrompt.body.inv],
    ] as const) {
      const response = await all.send({ body: { bundle, inv } });
      expect(response.body).toMatchObject({ code: 'open_failed' });
    }
  });
});
