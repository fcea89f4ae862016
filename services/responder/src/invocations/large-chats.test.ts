import { beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { ask, storePrompt } from '../../test/asking.js';
import { askChat } from '../../test/chatting.js';
import type { TestMember } from '../../test/asking.js';
import { refusalOf, suite } from '../../test/suite.js';
import { EchoModel } from '../models/echo.model.js';
import type { ModelRequest } from '../models/model.js';

const MEBIBYTE = 1_048_576;

/** Echoes, and keeps how much it was given. */
class Weighing extends EchoModel {
  readonly weights: number[] = [];
  override readonly can: EchoModel['can'] = new Set(['chat', 'images']);

  override stream(request: ModelRequest, signal: AbortSignal) {
    this.weights.push(JSON.stringify(request.messages).length);
    return super.stream({ ...request, messages: [{ role: 'user', content: 'seen' }] }, signal);
  }
}

const model = new Weighing();
const all = suite({
  organisation: { policy: { chat: ['grp:support'] } },
  model: () => model,
  limits: { bodyBytesInFlightMax: 14 * MEBIBYTE },
});
let silent: TestMember;
beforeAll(async () => {
  const { organisation } = all;
  silent = await organisation.makeDevice('silent', { roles: ['invoker'], groups: ['grp:others'] });
  await organisation.publish((draft) => {
    draft.entities[silent.urn] = silent.entity;
  });
  await all.refresh();
});

/** A question with an image of so many bytes, as a `data:` URL. */
const withImage = (bytes: number) => ({
  messages: [
    {
      role: 'user' as const,
      content: [
        { type: 'text' as const, text: 'What is this?' },
        {
          type: 'image_url' as const,
          image_url: { url: `data:image/png;base64,${randomBytes(bytes).toString('base64')}` },
        },
      ],
    },
  ],
});
const chat = (bytes: number) => askChat(all.organisation, { question: withImage(bytes) });

describe('a chat with an image', () => {
  it('of 4 MiB is asked like any other, although its body is far longer than that of a prompt', async () => {
    const asked = await chat(4 * MEBIBYTE - 1);
    expect(asked.body.inv.length).toBeGreaterThan(9 * MEBIBYTE);
    expect((await all.run(asked)).fin.finish).toBe('stop');
    expect(model.weights.at(-1)).toBeGreaterThan(5 * MEBIBYTE);
  });

  it('is not even read of a device that the policy does not let chat, nor of a stranger [guard: large-body]', async () => {
    const asked = await chat(2 * MEBIBYTE);
    const stranger = await all.organisation.makeDevice('stranger', { roles: ['invoker'], groups: ['grp:support'] });
    for (const member of [silent, stranger]) {
      const response = await all.responder.client(member).post('/api/v1/invocations', asked.body);
      expect([response.status, response.body]).toEqual([413, expect.objectContaining({ code: 'payload_too_large' })]);
    }
  });

  it('waits for room among all bodies as a whole, before a byte of it is kept [guard: large-body-first]', async () => {
    const asked = await chat(4 * MEBIBYTE - 1);
    const responses = await Promise.all([all.send(asked), all.send(await chat(4 * MEBIBYTE - 1))]);
    const codes = responses.map(({ status }) => status).toSorted((one, other) => one - other);
    expect(codes).toEqual([200, 503]);
  });

  it('is not taken where its envelope is that of a prompt', async () => {
    const prompt = await ask(all.organisation, await storePrompt(all.organisation));
    const asked = await chat(2 * MEBIBYTE);
    const response = await all.send({ body: { bundle: prompt.body.bundle, inv: asked.body.inv } });
    expect([response.status, response.body]).toEqual([413, expect.objectContaining({ code: 'payload_too_large' })]);
  });

  it('and a body of 13 MiB is not read of anybody', async () => {
    const asked = await chat(1);
    const inv = `${asked.body.inv}${'A'.repeat(13 * MEBIBYTE)}`;
    const response = await all.send({ body: { ...asked.body, inv } });
    expect([response.status, response.body]).toEqual([413, expect.objectContaining({ code: 'payload_too_large' })]);
    expect((await all.run(asked)).fin.finish).toBe('stop');
  });

  it('and a question for a prompt stays small', async () => {
    const prompt = await storePrompt(all.organisation);
    const asked = await ask(all.organisation, prompt);
    expect(await refusalOf(all, asked, await all.send(asked))).toEqual({ code: 'stop', sealed: true });
  });
});
