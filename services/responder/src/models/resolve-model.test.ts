import { expect, it } from '@jest/globals';
import { resolveModel } from './resolve-model.js';

it.each([
  ['the model that the prompt names', 'wanted', 'configured', ['listed'], 'wanted'],
  ['the configured one where the prompt says default', 'default', 'configured', ['listed'], 'configured'],
  ['the configured one where the prompt says nothing', undefined, 'configured', ['a', 'b'], 'configured'],
  ['the only one of the upstream where nobody says anything', undefined, undefined, ['listed'], 'listed'],
])('takes %s', async (_name, wanted, configured, listed, used) => {
  expect(await resolveModel(wanted, configured, async () => listed)).toBe(used);
});

it('asks the upstream only when nothing else decides', async () => {
  const list = () => Promise.reject(new Error('asked'));
  expect(await resolveModel(undefined, 'configured', list)).toBe('configured');
  await expect(resolveModel('default', undefined, list)).rejects.toThrow('asked');
});

it.each([
  ['none', [], 'no model'],
  ['several', ['alpha', 'bravo'], '2 models'],
])('says what to set where the upstream lists %s, without their names', async (_name, listed, found) => {
  const error = await resolveModel(undefined, undefined, async () => listed).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: 'model_not_allowed',
    message: expect.stringMatching(`lists ${found}.*BULLA_LLM_MODEL`),
  });
  expect(String(error)).not.toContain('alpha');
});
