import { expect, it } from '@jest/globals';
import { requireMoment } from './moments.js';

const NOW = Date.parse('2026-11-24T12:00:00Z') / 1000;

it.each([
  ['30s', '2026-11-24T11:59:30.000Z'],
  ['90m', '2026-11-24T10:30:00.000Z'],
  ['24h', '2026-11-23T12:00:00.000Z'],
  ['7d', '2026-11-17T12:00:00.000Z'],
  ['2w', '2026-11-10T12:00:00.000Z'],
  ['2026-11-01', '2026-11-01T00:00:00.000Z'],
  ['2026-11-01T09:30Z', '2026-11-01T09:30:00.000Z'],
  ['2026-11-01T09:30:15.5Z', '2026-11-01T09:30:15.500Z'],
])('takes %s', (text, moment) => expect(requireMoment('--since', text, NOW)).toBe(moment));

it.each(['', '24', 'h', '0h', '-1h', '1y', 'yesterday', '2026-13-01', '2026-02-31T00:00', '24.11.2026', '1e3h'])(
  'refuses %j, naming the option',
  (text) => expect(() => requireMoment('--until', text, NOW)).toThrow(/^--until: expected how long ago/),
);
