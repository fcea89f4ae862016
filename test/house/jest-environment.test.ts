import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';

describe('test environment', () => {
  it('takes errors, clones and buffers of Node for what they are', async () => {
    const failure: unknown = await readFile('/does/not/exist').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(new DOMException('no', 'AbortError')).toBeInstanceOf(Error);
    expect(structuredClone([])).toBeInstanceOf(Array);
    expect(await new Response('text').arrayBuffer()).toBeInstanceOf(ArrayBuffer);
  });

  it('still tells classes apart', () => {
    class Refusal extends Error {}
    expect(new Error('plain')).not.toBeInstanceOf(Refusal);
    expect(new Refusal()).not.toBeInstanceOf(TypeError);
    expect([]).not.toBeInstanceOf(Error);
  });
});
