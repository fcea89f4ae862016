import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Example } from '../../test/examples.js';
import { example } from '../../test/examples.js';
import { loadOrganisation } from '../../test/organisation.js';
import { withPart } from '../../test/raw-token.js';
import { parseBundle } from './bundle.js';
import { MetBundles } from './met-bundles.js';

let good: Example;
let met: MetBundles;
beforeAll(async () => {
  good = await example(await loadOrganisation('acme'));
});
beforeEach(() => {
  met = new MetBundles(() => 0);
});

describe('a bundle that a responder meets again', () => {
  it('is what it was, and its grant and content are not read again', () => {
    const [first, second] = [parseBundle(good.bundle, met), parseBundle(good.bundle, met)];
    expect(second).toEqual(first);
    expect(first).toEqual(parseBundle(good.bundle));
    if (first.kind !== 'prompt' || second.kind !== 'prompt') throw new Error('it is the bundle of a prompt');
    expect([second.grant === first.grant, second.content === first.content]).toEqual([true, true]);
    // Its envelope is for one question.
    expect(second.envelope === first.envelope).toBe(false);
  });

  it.each(['grant', 'content'] as const)('has another %s where a byte of it is another', (part) => {
    parseBundle(good.bundle, met);
    const token = withPart(good.bundle[part] ?? '', 3, new Uint8Array(32));
    expect(parseBundle({ ...good.bundle, [part]: token }, met)).toMatchObject({ [part]: { token } });
  });

  it.each(['grant', 'content'] as const)('is refused again where its %s cannot be read', (part) => {
    const bundle = { ...good.bundle, [part]: 'x' };
    for (let times = 0; times < 2; times++)
      expect(() => parseBundle(bundle, met)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('has no content that was met as a grant', () => {
    parseBundle(good.bundle, met);
    for (const swapped of [{ grant: good.bundle.content }, { content: good.bundle.grant }])
      expect(() => parseBundle({ ...good.bundle, ...swapped }, met)).toThrow(
        expect.objectContaining({ code: 'token_malformed' }),
      );
  });
});
