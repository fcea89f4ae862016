import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';

describe('test environment', () => {
  it('takes errors, clones and buffers of Node for what they are', async () => {
    const failure: unknown = await readFile('/does/not/exist').catch((error: unknown) => error);
    expect(failure instanceof Error).toBe(true);
    expect(new DOMException('no', 'AbortError') instanceof Error).toBe(true);
    expect(structuredClone([]) instanceof Array).toBe(true);
    expect((await new Response('text').arrayBuffer()) instanceof ArrayBuffer).toBe(true);
  });

  it('still tells classes apart', () => {
    class Refusal extends Error {}
    expect(new Error('plain') instanceof Refusal).toBe(false);
    expect(new Refusal() instanceof TypeError).toBe(false);
    expect([] instanceof Error).toBe(false);
  });
});
