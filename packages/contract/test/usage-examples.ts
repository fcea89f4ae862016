import { device, prompt } from './example-names.js';

const sums = { input_tokens: 1204, output_tokens: 311 };
const cost = { currency: 'USD', nanos: 492600 };

/** Counts of one hour, each member of it. */
export const usageCount = {
  hour: '2026-11-25T08:00:00.000Z',
  device,
  prompt,
  model: 'small',
  runs: 3,
  failed: 1,
  uncounted: 1,
  ...sums,
  cost,
};

export const usagePage = {
  data: [
    {
      responder: 'urn:bulla:acme:svc:responder:eu1',
      device,
      prompt,
      name: 'claims/triage',
      model: 'small',
      from: '2026-11-25T08:00:00.000Z',
      runs: 3,
      failed: 1,
      uncounted: 1,
      unpriced: 1,
      ...sums,
      costs: [cost],
    },
  ],
  next_cursor: 'bmV4dA',
};
