import { takePart } from '@bulla/testkit';
import { makeSetting } from './organisation.js';
import { walkAll } from './walking.js';

// A process of `npm run walks`.

const setting = await makeSetting();
await takePart(async (seed, numbers, taken) => {
  const { counts, found } = await walkAll(setting, seed, numbers, { taken });
  return { counts, report: await found?.report() };
});
