import * as z from 'zod';

/** Every variable of the project: one environment may serve several of its programs, so each lets the others' pass. */
export const SETTING_NAMES: ReadonlySet<string> = new Set([
  'BULLA_ANSWER_BYTES_MAX',
  'BULLA_AUDIT_MARKS',
  'BULLA_AUDIT_RETENTION_DAYS',
  'BULLA_BACKUP_DAYS',
  'BULLA_BOOTSTRAP_SECRET',
  'BULLA_CA_FILE',
  'BULLA_DATABASE_POOL',
  'BULLA_DATABASE_URL',
  'BULLA_HOME',
  'BULLA_HOST',
  'BULLA_IDENTITY',
  'BULLA_KEYS_FILE',
  'BULLA_LIMIT_FAILURES_PER_SECOND',
  'BULLA_LIMIT_KEY_PER_SECOND',
  'BULLA_LIMIT_ORG_PER_SECOND',
  'BULLA_LIMIT_RUNS_PER_KEY',
  'BULLA_LIMIT_RUNS_PER_ORG',
  'BULLA_LLM',
  'BULLA_LLM_API_KEY',
  'BULLA_LLM_MODEL',
  'BULLA_LLM_TIMEOUT_MS',
  'BULLA_LOG_FORMAT',
  'BULLA_LOG_LEVEL',
  'BULLA_METRICS_PORT',
  'BULLA_MIGRATE',
  'BULLA_MODELS_FILE',
  'BULLA_PASSPHRASE',
  'BULLA_PII',
  'BULLA_PII_COUNTRY',
  'BULLA_PII_DETECTOR',
  'BULLA_PII_TOOLS',
  'BULLA_PIN',
  'BULLA_PROFILE',
  'BULLA_PROXY_LISTEN',
  'BULLA_PROXY_PASS_UNKNOWN',
  'BULLA_PROXY_RECEIPTS',
  'BULLA_PROXY_TOKEN',
  'BULLA_PUBLIC_URL',
  'BULLA_REDIS_URL',
  'BULLA_REQUESTS_MAX',
  'BULLA_RESPONDER_PORT',
  'BULLA_ROOT_KEY',
  'BULLA_ROOT_KEY_NEXT',
  'BULLA_ROOT_PASSPHRASE',
  'BULLA_ROOT_PASSPHRASE_NEXT',
  'BULLA_RUNS_MAX',
  'BULLA_STREAM_TOKEN',
  'BULLA_TEST_DATABASE_URL',
  'BULLA_TLS_CERT_FILE',
  'BULLA_TLS_KEY_FILE',
  'BULLA_TRUST_PROXY',
  'BULLA_URL',
  'BULLA_USAGE_RETENTION_DAYS',
  'BULLA_VAULT_PORT',
  'BULLA_VAULT_URL',
]);

/** A TCP port; the description is what the error says was expected. */
export function portSetting(port: number) {
  return z
    .string()
    .regex(/^[0-9]{1,5}$/)
    .transform(Number)
    .pipe(z.int().min(0).max(65_535))
    .default(port)
    .describe('a port from 1 to 65535, or 0 for any free one');
}

/** A whole number between two bounds. */
export function wholeNumberSetting(initial: number, min: number, max: number) {
  return z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(initial)
    .describe(`a whole number from ${min} to ${max}`);
}

/** Seven years. */
const AUDIT_RETENTION_DAYS = 2_557;
/** Whoever says less has mistaken the unit, or a log that nobody reads in time. */
const AUDIT_RETENTION_DAYS_MIN = 90;
const AUDIT_RETENTION_DAYS_MAX = 36_500;

/** How long entries of the audit log are kept at least. */
export const auditRetentionSetting = z
  .union([z.literal('forever'), wholeNumberSetting(1, AUDIT_RETENTION_DAYS_MIN, AUDIT_RETENTION_DAYS_MAX).unwrap()])
  .default(AUDIT_RETENTION_DAYS)
  .describe(`a whole number from ${AUDIT_RETENTION_DAYS_MIN} to ${AUDIT_RETENTION_DAYS_MAX}, or forever`);

export const hostSetting = z
  .string()
  .regex(/^[A-Za-z0-9.:-]{1,253}$/)
  .default('127.0.0.1')
  .describe('the address to listen on, such as 127.0.0.1 or 0.0.0.0');

export const databaseUrlSetting = z
  .string()
  .refine((text) => /^postgres(ql)?:$/.test(protocolOf(text)))
  .optional()
  .describe('a URL such as postgresql://user@host:5432/database');

export const logLevelSetting = z
  .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
  .default('info')
  .describe('one of fatal, error, warn, info, debug, silent');

export const logFormatSetting = z
  .enum(['json', 'pretty'])
  .default('json')
  .describe('json for machines, or pretty for people');

export const migrateSetting = z
  .enum(['auto', 'check', 'off'])
  .default('auto')
  .describe('auto to bring the database up to date, check to start only if it is, or off');

/** Any http or https base URL, without a query. */
export const urlSetting = z.string().refine(isBaseUrl).describe('a URL such as https://vault.example');

/** One or more base URLs, separated by commas: what clients write into `@authority` (protocol.md §5). */
export const publicUrlSetting = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.string().trim().refine(isBaseUrl)).min(1))
  .optional()
  .describe('one or more URLs such as https://vault.example, separated by commas');

export const pinSetting = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .describe('sha256: and 64 hexadecimal digits, as `bulla trust show` prints it');

export const folderSetting = z.string().max(4096).describe('the path of a folder');

export const pathSetting = z.string().max(4096).describe('the path of a file');

/** One secret for each organisation that may still be added, separated by commas. */
export const bootstrapSecretSetting = z
  .string()
  .transform((text) => text.split(',').map((secret) => secret.trim()))
  .pipe(z.array(z.string().regex(/^[A-Za-z0-9_-]{22,128}$/)))
  .optional()
  .describe('one or more secrets of 22 to 128 letters, digits, hyphens and underscores, separated by commas');

/**
 * The authorities that signed requests may name: host and port of each public URL, default port dropped; without
 * any, the loopback names of the port (protocol.md §5).
 */
export function authoritiesOf(publicUrls: readonly string[] | undefined, port: number): readonly string[] {
  if (publicUrls !== undefined) return publicUrls.map((url) => new URL(url).host);
  return ['127.0.0.1', 'localhost', '[::1]'].map((host) => new URL(`http://${host}:${port}`).host);
}

function isBaseUrl(text: string): boolean {
  if (!/^https?:$/.test(protocolOf(text))) return false;
  const url = new URL(text);
  return url.search === '' && url.hash === '' && url.username === '' && url.password === '';
}

function protocolOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}
