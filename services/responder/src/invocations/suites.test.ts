import { describe, expect, it } from '@jest/globals';
import { ask, CANARY_VALUE, storePrompt } from '../../test/asking.js';
import { suite } from '../../test/suite.js';

// The other tests run among keys of rsa2048.
describe.each(['p256', 'rsa3072'] as const)('among keys of suite %s', (of) => {
  const all = suite({ organisation: { suite: of } });

  it('a sealed prompt is opened, run and answered', async () => {
    const asked = await ask(all.organisation, await storePrompt(all.organisation));
    const { text, fin } = await all.run(asked);
    expect(text).toContain(CANARY_VALUE);
    expect(fin.finish).toBe('stop');
    expect(all.responder.unwrapper.calls).toBe(2);
  });
});
