import { deepEqual } from 'node:assert/strict';
import { modelParameters, parametersSchema, strictParse, tokenParameters } from '@bulla/crypto';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

/** What is asked of a model, as a token holds it: the model gets the same, and an app that gave it gets the same token. */
export function fuzz(input: Uint8Array): boolean {
  const value = read(() => strictParse(own(input), { maxBytes: 262_144 }));
  const { data } = parametersSchema.safeParse(value);
  if (data === undefined) return false;
  const forModel = modelParameters(data);
  deepEqual(modelParameters(tokenParameters(forModel)), forModel);
  return true;
}
