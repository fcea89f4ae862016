import { expect, it } from '@jest/globals';
import { resolveModel } from './resolve-model.js';

it.each([
  ['the model that is wanted', 'wanted', ['listed', 'another'], 'wanted'],
  ['the only one of the upstream where nobody says anything', undefined, ['listed'], 'listed'],
])('takes %s', async (_name, wanted, listed, used) => {
  expect(await resolveModel(wanted, async () => listed)).toBe(used);
});

it('asks the upstream only when nothing else decides', async () => {
  const list = () => Promise.reject(new Error('asked'));
  expect(await resolveModel('wanted', list)).toBe('wanted');
  await expect(resolveModel(undefined, list)).rejects.toThrow('asked');
});

it.each([
  ['none', [], 'no model'],
  ['several', ['alpha', 'bravo'], '2 models'],
])('says what to set where the upstream lists %s, without their names', async (_name, listed, found) => {
  const error = await resolveModel(undefined, async () => listed).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: 'model_not_allowed',
    message: expect.stringMatching(`lists ${found}.*BULLA_LLM_MODEL`),
  });
  expect(String(error)).not.toContain('alpha');
});
