import { describe, expect, it } from '@jest/globals';
import { Answer } from '@bulla/service-kit';
import type { ReplyPart } from './answer.js';
import { eventStream, wholeOrStream } from './event-stream.js';

const part = (kind: ReplyPart['kind'], byte: number): ReplyPart => ({ kind, bytes: new Uint8Array([byte]) });

describe('an event stream', () => {
  it('names its parts and counts its frames from 0', async () => {
    async function* parts(): AsyncGenerator<ReplyPart> {
      yield part('head', 1);
      yield part('frame', 2);
      yield part('frame', 3);
      yield part('final', 4);
    }
    const response = eventStream(parts());
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toBe(
      'event: bulla.head\ndata: AQ\n\nevent: bulla.frame\nid: 0\ndata: Ag\n\nevent: bulla.frame\nid: 1\ndata: Aw\n\nevent: bulla.final\ndata: BA\n\n',
    );
  });

  it('says a comment for every silence, and loses nothing after it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    async function* parts(): AsyncGenerator<ReplyPart> {
      yield part('head', 1);
      await promise;
      yield part('final', 2);
    }
    const reader = (eventStream(parts(), 1).body as ReadableStream<Uint8Array>).getReader();
    const texts: string[] = [];
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      texts.push(Buffer.from(read.value).toString('utf8'));
      if (texts.length === 3) resolve();
    }
    expect(texts.slice(0, 3)).toEqual(['event: bulla.head\ndata: AQ\n\n', ': \n\n', ': \n\n']);
    expect(texts.at(-1)).toBe('event: bulla.final\ndata: Ag\n\n');
  });

  it('ends its parts when the reader goes, and breaks when they do', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<ReplyPart> {
      try {
        for (;;) yield part('frame', 1);
      } finally {
        ended = true;
      }
    }
    const reader = (eventStream(endless()).body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
    expect(ended).toBe(true);
    async function* broken(): AsyncGenerator<ReplyPart> {
      yield part('head', 1);
      throw new Error('cut');
    }
    await expect(eventStream(broken()).text()).rejects.toThrow('cut');
  });

  it('is for parts only; a whole answer goes out as it is', () => {
    const answer = new Answer({ head: 'AQ', frames: [], final: 'AQ' });
    expect(wholeOrStream(answer)).toBe(answer);
  });
});
