import { describe, expect, it } from '@jest/globals';
import { ask, storePrompt } from '../../test/asking.js';
import { documentOf, wordsAsServed } from '../../test/responder-fixture.js';
import { suite } from '../../test/suite.js';

describe('a vault that shows nothing newer than a directory of last week', () => {
  const all = suite({ organisation: { renewers: 1 } });
  const readiness = async () => (await fetch(`${all.responder.url}/health/ready`)).status;

  it('[red] has nothing run by it, until a renewer says that it is the newest', async () => {
    const { organisation, responder, vault } = all;
    const prompt = await storePrompt(organisation);
    const { clock } = responder;
    responder.clock.advance(8 * 86_400);
    const asked = await ask(organisation, prompt, { now: clock.now() });
    const refused = await all.send(asked);
    expect([refused.status, (refused.body as { code: string }).code]).toEqual([403, 'trust_expired']);
    expect(refused.text).toContain('service renew');
    expect(await readiness()).toBe(503);
    expect(responder.unwrapper.calls).toBe(0);

    const word = await organisation.freshDirectory(clock.now());
    vault.answer = (name) => (name === 'fresh.json' ? wordsAsServed([word]) : documentOf(organisation, name));
    // A question makes the responder look for it, once in a second.
    clock.advance(2);
    const ran = await all.send(asked);
    expect([ran.status, Object.keys(ran.body as object).toSorted()]).toEqual([200, ['final', 'frames', 'head']]);
    expect(responder.unwrapper.calls).toBe(2);
  });
});
