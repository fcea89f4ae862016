import { describe, expect, it } from '@jest/globals';
import { edgeSettings, limitsOf, ratesOf } from './edge-settings.js';
import { RATES } from '../limits/rates.js';
import { readSettings, SettingsError } from '../process/settings.js';

const read = (environment: Record<string, string>) => readSettings(edgeSettings, environment);

describe('the settings of the edge', () => {
  it('are what the protocol says unless they are set', () => {
    const settings = read({});
    expect(ratesOf(settings)).toEqual(RATES);
    expect(RATES).toMatchObject({ keyPerSecond: 100, organisationPerSecond: 1_000, failuresPerSecond: 20 });
    expect(settings).toMatchObject({ BULLA_REDIS_URL: undefined, BULLA_TRUST_PROXY: undefined });
    expect(limitsOf(settings)).toEqual({});
  });

  it('bound what is at work where that is set', () => {
    expect(limitsOf(read({ BULLA_REQUESTS_MAX: '64' }))).toEqual({ requestsMax: 64 });
  });

  it.each([
    ['BULLA_REDIS_URL', 'redis://cache:6379', 'redis://cache:6379'],
    ['BULLA_REDIS_URL', 'rediss://user:word@cache:6380/2', 'rediss://user:word@cache:6380/2'],
    ['BULLA_TRUST_PROXY', '10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
    ['BULLA_LIMIT_KEY_PER_SECOND', '50', 50],
    ['BULLA_REQUESTS_MAX', '2000', 2_000],
    ['BULLA_DATABASE_POOL', '30', 30],
  ] as const)('take for %s %s', (name, text, value) => {
    expect(read({ [name]: text })[name]).toEqual(value);
  });

  it.each([
    ['BULLA_REDIS_URL', 'http://canary'],
    ['BULLA_REDIS_URL', 'redis://'],
    ['BULLA_REDIS_URL', 'redis://canary?family=6'],
    ['BULLA_TRUST_PROXY', 'canary.example'],
    ['BULLA_TRUST_PROXY', '10.0.0.0/33'],
    ['BULLA_TRUST_PROXY', '10.0.0.0/8/8'],
    ['BULLA_TRUST_PROXY', '1'],
    ['BULLA_TRUST_PROXY', 'true'],
    ['BULLA_LIMIT_KEY_PER_SECOND', '0'],
    ['BULLA_LIMIT_ORG_PER_SECOND', '-1'],
    ['BULLA_LIMIT_FAILURES_PER_SECOND', '0'],
    ['BULLA_LIMIT_ORG_PER_SECOND', 'off'],
  ])('refuse for %s %s', (name, text) => {
    const reading = () => read({ [name]: text });
    expect(reading).toThrow(SettingsError);
    expect(reading).toThrow(new RegExp(`^${name} \\(from the environment\\): expected `));
    expect(reading).not.toThrow(/canary/);
  });
});
