import { takePart } from '@bulla/testkit';
import { forgeAll } from './forging.js';
import { makeStock } from './stock.js';

// A process of `npm run forgeries`.

const stock = await makeStock();
await takePart(async (seed, numbers, taken) => {
  const { counts, found } = await forgeAll(stock, seed, numbers, { taken });
  return { counts, report: found };
});
