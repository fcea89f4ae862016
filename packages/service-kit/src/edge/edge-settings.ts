import { isIP } from 'node:net';
import * as z from 'zod';
import type { Limits } from '../limits/limits.js';
import { RATES } from '../limits/rates.js';
import type { Rates } from '../limits/rates.js';
import type { Settings } from '../process/settings.js';
import { wholeNumberSetting } from '../process/setting-values.js';
import { tlsSettings } from '../tls/tls-settings.js';

const perKey = 'requests of one key, where each 12 KiB of a body count as one more';

export const redisUrlSetting = z
  .string()
  .refine(isRedisUrl)
  .optional()
  .describe('a URL such as redis://host:6379, or rediss://user:password@host:6379 for TLS');

export const trustProxySetting = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.string().trim().refine(isNetwork)).min(1))
  .optional()
  .describe('the addresses and networks of the proxies in front, such as 10.0.0.0/8, separated by commas');

const rate = (initial: number, what: string) =>
  wholeNumberSetting(initial, 1, 1_000_000).describe(`a whole number from 1 to 1000000: ${what}`);

/** What both services take for the protection of all from each. */
export const edgeSettings = {
  BULLA_REDIS_URL: redisUrlSetting,
  BULLA_TRUST_PROXY: trustProxySetting,
  ...tlsSettings,
  BULLA_LIMIT_KEY_PER_SECOND: rate(RATES.keyPerSecond, `${perKey}, a second, on average over six seconds`),
  BULLA_LIMIT_ORG_PER_SECOND: rate(RATES.organisationPerSecond, 'the same of all keys of an organisation together'),
  BULLA_LIMIT_FAILURES_PER_SECOND: rate(
    RATES.failuresPerSecond,
    'failing signatures from one address, a second, before its requests are verified one at a time',
  ),
  BULLA_DATABASE_POOL: wholeNumberSetting(1, 1, 1_000)
    .unwrap()
    .optional()
    .describe(
      'a whole number from 1 to 1000: connections to PostgreSQL at most; four for each core, at least ten, unless set',
    ),
  BULLA_REQUESTS_MAX: wholeNumberSetting(1, 1, 100_000)
    .unwrap()
    .optional()
    .describe(
      'a whole number from 1 to 100000: requests at work at once, where others wait a moment, then are refused; thirty-two for each core, at least 64, unless set',
    ),
};

/** The rates as the settings say them. */
export function ratesOf(settings: Settings<typeof edgeSettings>): Rates {
  return {
    keyPerSecond: settings.BULLA_LIMIT_KEY_PER_SECOND,
    organisationPerSecond: settings.BULLA_LIMIT_ORG_PER_SECOND,
    windowSeconds: RATES.windowSeconds,
    failuresPerSecond: settings.BULLA_LIMIT_FAILURES_PER_SECOND,
  };
}

/** The bounds as the settings say them. */
export function limitsOf({ BULLA_REQUESTS_MAX: requestsMax }: Settings<typeof edgeSettings>): Partial<Limits> {
  return requestsMax === undefined ? {} : { requestsMax };
}

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, search, hash } = new URL(text);
  return /^rediss?:$/.test(protocol) && hostname !== '' && search === '' && hash === '';
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
