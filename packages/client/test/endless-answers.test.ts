import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { encodeBase64url } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import type { RunEvent } from '../src/runs/runs.js';
import { eventsOf, sendEvents, sendReply } from './responder.js';
import type { Outgoing } from './signed-service.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

// An attacker between asker and responder cannot make an answer, but could keep one from ending.

const NAME = 'claims/triage';
const VARS = { claim: 'water' };
let world: World;
let bulla: Bulla;
let closed: PromiseWithResolvers<void>;
const beats = new Set<NodeJS.Timeout>();
beforeAll(async () => {
  world = await makeWorld();
  await (await world.client()).prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
  bulla = await world.client(undefined, { retries: 0 });
});
afterAll(() => world.stop());
afterEach(() => {
  world.responder.send = sendReply;
  for (const beat of beats) clearInterval(beat);
  beats.clear();
});

/** Begins as it is told, and then sends something again and again until nobody listens any more. */
function endless(type: string, begin: readonly string[], again: string): Outgoing {
  closed = Promise.withResolvers();
  return {
    write(response: ServerResponse) {
      response.writeHead(200, { 'content-type': type });
      for (const text of begin) response.write(text);
      const beat = setInterval(() => response.write(again), 5);
      beats.add(beat);
      response.on('close', () => {
        clearInterval(beat);
        closed.resolve();
      });
    },
  };
}

/** All of a stream, whose connection says a moment later that it has ended. */
function endingLate(events: readonly string[]): Outgoing {
  return {
    write(response: ServerResponse) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(events.join(''));
      setTimeout(() => response.end(), 50);
    },
  };
}

async function collect(events: AsyncGenerator<RunEvent>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of events) if (text !== undefined) texts.push(text);
  return texts;
}

describe('a whole answer', () => {
  it('is not waited for in a stream of events without an end [guard: client-reply-media]', async () => {
    world.responder.send = (reply) => endless('text/event-stream', eventsOf(reply).slice(0, 2), ': \n\n');
    await expect(bulla.prompt(NAME).run(VARS, { timeoutMs: 10_000 })).rejects.toMatchObject({
      code: 'transport_failed',
      message: 'the answer is not application/json, which was asked for',
    });
    await closed.promise;
  });

  it('is not taken out of a stream of events that has an end', async () => {
    world.responder.send = (reply) => sendEvents(eventsOf(reply));
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject({ code: 'transport_failed' });
  });

  it('has to end in time, and not only to begin', async () => {
    world.responder.send = ({ head }) =>
      endless('application/json', [`{"head":"${encodeBase64url(head)}","frames":[`], ' ');
    await expect(bulla.prompt(NAME).run(VARS, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'transport_failed',
      message: expect.stringMatching(/did not answer within 0\.3 s$/),
    });
    await closed.promise;
  });

  it('has to end in time over all tries together', async () => {
    world.responder.send = () => endless('application/json', [], ' ');
    const patient = await world.client();
    const refused = patient.prompt(NAME).run(VARS, { timeoutMs: 300 });
    const before = world.responder.service.of('invocation.run').length;
    await expect(refused).rejects.toMatchObject({ code: 'transport_failed' });
    expect(world.responder.service.of('invocation.run').length - before).toBe(1);
  });
});

describe('a stream', () => {
  it('is not waited for in heartbeats alone [guard: client-stream-idle]', async () => {
    world.responder.send = (reply) => {
      const [head = '', , frame = ''] = eventsOf(reply);
      return endless('text/event-stream', [head, frame], ': \n\n');
    };
    await expect(collect(bulla.prompt(NAME).stream(VARS, { idleTimeoutMs: 200 }))).rejects.toMatchObject({
      code: 'stream_truncated',
      cause: { message: 'no part of the answer came for 0.2 s' },
    });
    await closed.promise;
  });

  it('is asked for its head in time', async () => {
    world.responder.send = () => endless('text/event-stream', [], ': \n\n');
    await expect(collect(bulla.prompt(NAME).stream(VARS, { timeoutMs: 300 }))).rejects.toMatchObject({
      code: 'transport_failed',
    });
    await closed.promise;
  });

  it('is not taken whole', async () => {
    world.responder.send = (reply) => sendReply(reply, false);
    await expect(collect(bulla.prompt(NAME).stream(VARS))).rejects.toMatchObject({
      code: 'transport_failed',
      message: 'the answer is not text/event-stream, which was asked for',
    });
  });

  it('that goes on after its signed end is whole, and its connection is given up', async () => {
    world.responder.send = (reply) => endless('text/event-stream', eventsOf(reply), ': \n\n');
    await expect(collect(bulla.prompt(NAME).stream(VARS))).resolves.not.toEqual([]);
    await closed.promise;
  });

  it('leaves its connection to the next one', async () => {
    const { service } = world.responder;
    world.responder.send = (reply) => endingLate(eventsOf(reply));
    await collect(bulla.prompt(NAME).stream(VARS));
    const { connections } = service;
    for (let stream = 0; stream < 3; stream++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await collect(bulla.prompt(NAME).stream(VARS));
    }
    expect(service.connections).toBe(connections);
    // A planted control: a connection that is given up does not serve the next one.
    world.responder.send = (reply) => endless('text/event-stream', eventsOf(reply), ': \n\n');
    await collect(bulla.prompt(NAME).stream(VARS));
    await closed.promise;
    world.responder.send = sendReply;
    await collect(bulla.prompt(NAME).stream(VARS));
    expect(service.connections).toBeGreaterThan(connections);
  });

  it('and a whole answer are each asked for as what they are', async () => {
    await bulla.prompt(NAME).run(VARS);
    await collect(bulla.prompt(NAME).stream(VARS));
    const asked = world.responder.service.of('invocation.run').slice(-2);
    expect(asked.map(({ headers }) => headers['accept'])).toEqual([
      'application/json, application/problem+json',
      'text/event-stream, application/problem+json',
    ]);
  });
});
