import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repository } from './workspaces.mjs';

/** The page that is made here: `npm run docs:configuration`. */
export const PAGE = 'docs/guide/configuration.md';

/** What each setting is for. What is expected, and what holds without it, is read from its schema. */
const MEANINGS = {
  BULLA_ANSWER_BYTES_MAX: 'the longest answer that a run may give, in bytes',
  BULLA_AUDIT_MARKS: 'a folder for what was signed of the audit log last, outside the database; replicas share it',
  BULLA_AUDIT_RETENTION_DAYS:
    'how long entries of the audit log are kept at least, in days; after that whole months go, and their hashes stay',
  BULLA_BACKUP_DAYS:
    'how old the oldest backup may be that somebody would put back, in days; a key is not destroyed before',
  BULLA_BOOTSTRAP_SECRET: 'secrets that each let one new organisation in; a secret works once',
  BULLA_CA_FILE: 'authorities that vouch for certificates of others, beside those that Node knows ([tls.md](tls.md))',
  BULLA_DATABASE_POOL: 'the most connections that each service keeps to the database',
  BULLA_DATABASE_URL: 'the PostgreSQL database, 15 or newer',
  BULLA_HOME: 'the folder for keys, pin, memory of what was seen, and the embedded database',
  BULLA_HOST: 'the address that the service listens on; use 0.0.0.0 in a container',
  BULLA_IDENTITY: 'the key file of this device, instead of identity.json in BULLA_HOME',
  BULLA_KEYS_FILE:
    'the private keys of the service, a file that only its account may read; another file in its place is taken while the service runs',
  BULLA_LIMIT_FAILURES_PER_SECOND:
    'how many wrong signatures an address may send in a second before its requests are verified one at a time',
  BULLA_LIMIT_KEY_PER_SECOND:
    'the most that one key may ask in a second, so that one program that runs wild leaves room for others',
  BULLA_LIMIT_ORG_PER_SECOND:
    'the most that all keys of one organisation may ask together in a second, so that one organisation leaves room for others',
  BULLA_LIMIT_RUNS_PER_KEY: 'the most runs of one key at the same time',
  BULLA_LIMIT_RUNS_PER_ORG: 'the most runs of all keys of one organisation at the same time',
  BULLA_LLM: 'the model server that answers',
  BULLA_LLM_API_KEY: 'the bearer token that is sent to the model server',
  BULLA_LLM_MODEL: 'the model to use if the prompt does not name one',
  BULLA_LLM_TIMEOUT_MS: 'the longest time that a run waits for its model, in milliseconds',
  BULLA_LOG_FORMAT: 'the format of log lines',
  BULLA_LOG_LEVEL: 'the least important lines that are still logged',
  BULLA_METRICS_PORT: 'the port on which Prometheus finds the metrics',
  BULLA_MIGRATE: 'whether a start updates the tables of the database',
  BULLA_MODELS_FILE: 'the models that answer, on several model servers, instead of BULLA_LLM ([models.md](models.md))',
  BULLA_PASSPHRASE: 'the passphrase of key files that `bulla keys lock` locked',
  BULLA_PII: 'what becomes of personal data in questions before they are sealed ([pii.md](pii.md))',
  BULLA_PII_COUNTRY: 'with BULLA_PII: phone numbers without a country code are of this country',
  BULLA_PII_DETECTOR: 'with BULLA_PII: a further detector, which reads every text',
  BULLA_PII_TOOLS: 'with BULLA_PII=mask: tools in whose arguments what was masked is put back',
  BULLA_PIN: "the hash of the organisation's first root",
  BULLA_PROFILE: 'the file that names vault, organisation and pin, instead of profile.json in BULLA_HOME',
  BULLA_PROXY_LISTEN: 'where `bulla proxy` listens, on this machine alone ([proxy.md](proxy.md))',
  BULLA_PROXY_PASS_UNKNOWN:
    'what `bulla proxy` and `bulla exec` do with a parameter of a chat that they do not know: leave it out, or refuse it by name',
  BULLA_PROXY_RECEIPTS:
    'whether `bulla proxy` and `bulla exec` keep the last 100 answers, sealed to this device; with `question`, what was asked too',
  BULLA_PROXY_TOKEN: 'the key that apps show to `bulla proxy`, instead of the one in proxy.token in BULLA_HOME',
  BULLA_PUBLIC_URL: 'the addresses by which clients reach the service; every signed request names one',
  BULLA_REDIS_URL: 'the Redis in which replicas share their limits; without it each process counts for itself',
  BULLA_REQUESTS_MAX: 'the most requests that are answered at the same time',
  BULLA_RESPONDER_PORT: 'the port of the responder',
  BULLA_ROOT_KEY: 'where the root key of the vault is; without it the vault manages no prompt',
  BULLA_ROOT_KEY_NEXT: 'where the root key is that follows; the vault looks for it until it is there',
  BULLA_ROOT_PASSPHRASE: 'the passphrase of a root key that is made of one',
  BULLA_ROOT_PASSPHRASE_NEXT: 'the passphrase of the root key that follows',
  BULLA_RUNS_MAX: 'the most runs at the same time; when all are taken, keys get the next free places in turn',
  BULLA_STREAM_TOKEN:
    'the bearer token that `bulla audit stream` sends to a sink over HTTP; it is read anew for each batch',
  BULLA_TEST_DATABASE_URL: 'a PostgreSQL server on which the tests may create databases',
  BULLA_TLS_CERT_FILE: 'the certificate of the service, which then speaks TLS alone ([tls.md](tls.md))',
  BULLA_TLS_KEY_FILE: 'its private key',
  BULLA_TRUST_PROXY: 'the proxies that the service believes when they state the address of a caller',
  BULLA_URL: 'the address of the vault, instead of the one in the profile',
  BULLA_USAGE_RETENTION_DAYS: 'how long the vault keeps what runs took, in days ([usage.md](usage.md))',
  BULLA_VAULT_PORT: 'the port of the vault',
  BULLA_VAULT_URL: 'the address at which the responder finds the vault',
};

/** What holds without a value, where no schema says it: it depends on the machine, or on another setting. */
const WITHOUT_VALUE = {
  BULLA_AUDIT_MARKS: 'beside the key file',
  BULLA_DATABASE_POOL: 'four for each core, and ten at least',
  BULLA_LLM: '`builtin:extract`, unless there is a file of models',
};

/** Of programs that do not read them by a schema, and of `bulla up` the same. */
const COMMAND = {
  BULLA_CA_FILE: { expected: 'the path of a PEM file with one or more certificates', initial: 'nothing' },
  BULLA_HOME: { expected: 'the path of a folder', initial: '`~/.bulla`' },
  BULLA_IDENTITY: { expected: 'the path of a file', initial: 'nothing' },
  BULLA_PASSPHRASE: { expected: 'at least 12 characters', initial: 'the command asks for it' },
  BULLA_PII: { expected: 'off, detect, mask or block', initial: 'off' },
  BULLA_PII_COUNTRY: { expected: 'two letters such as DE', initial: 'such numbers are not looked for' },
  BULLA_PII_DETECTOR: { expected: 'an https URL, or an http URL of this machine', initial: 'nothing' },
  BULLA_PII_TOOLS: { expected: 'names with commas between them', initial: 'none' },
  BULLA_PROFILE: { expected: 'the path of a file', initial: 'nothing' },
  BULLA_PROXY_LISTEN: {
    expected: 'a loopback address and a port, such as 127.0.0.1:4141',
    initial: '`127.0.0.1:4141`',
  },
  BULLA_PROXY_PASS_UNKNOWN: { expected: '`on` or `off`', initial: '`off`' },
  BULLA_PROXY_RECEIPTS: { expected: '`on`, `off` or `question`', initial: '`on`' },
  BULLA_PROXY_TOKEN: { expected: '16 or more characters that show', initial: 'the first start makes one' },
  BULLA_STREAM_TOKEN: { expected: 'a bearer token (RFC 6750)', initial: 'no token is sent' },
  BULLA_URL: { expected: 'a URL such as https://vault.example', initial: 'nothing' },
};
const TESTS = {
  BULLA_TEST_DATABASE_URL: {
    expected: 'a URL such as postgresql://user@host:5432/postgres',
    initial: 'the server on port 5432, if it answers',
  },
};

/**
 * The page, from the schemas of the programs.
 * @param {{ vaultSettings: object, responderSettings: object, standaloneSettings: object }} schemas
 * @returns {string}
 */
export function configurationPage({ vaultSettings, responderSettings, standaloneSettings }) {
  const programs = [
    ['vault', described(vaultSettings)],
    ['responder', described(responderSettings)],
    ['`bulla up`', described(standaloneSettings)],
    ['`bulla`', COMMAND],
    ['tests', TESTS],
  ];
  const names = [...new Set(programs.flatMap(([, settings]) => Object.keys(settings)))].toSorted();
  const rows = names.map((name) => {
    const readers = programs.filter(([, settings]) => Object.hasOwn(settings, name));
    const cells = [
      `\`${name}\``,
      namesOf(readers),
      meaningOf(name),
      agreed(readers.map(([program, settings]) => [program, settings[name].expected])),
      agreed(readers.map(([program, settings]) => [program, settings[name].initial])),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
  });
  const head = ['| Setting | Read by | What it is | Expected | Without it |', '|---|---|---|---|---|'];
  return `${INTRODUCTION}\n${[...head, ...rows].join('\n')}\n${END}`;
}

const INTRODUCTION = `# Configuration

<!-- Made from the code by \`npm run docs:configuration\`; a test keeps the two equal. -->

Everything is set by environment variables. A program reads them once, when it starts. If a value is wrong, the program ends with exit code 78 before it writes anything; it prints the name of the setting and what it expected, and never the value. A service and \`bulla up\` end in the same way if there is a \`BULLA_\` variable that they do not know. Other commands do not look at such a variable; \`bulla doctor\` names it.

For every \`X\` there is also \`X_FILE\`: the path of a file that holds the value, such as a secret of Docker or Kubernetes. An empty variable or file counts as not set. No secret has a default, and no secret is an argument of a command. \`bulla up\` runs vault and responder in one process. To run them apart, start \`node services/vault/dist/main.js\` and \`node services/responder/dist/main.js\`.
`;

const END = `
The command also obeys \`NO_COLOR\`. At a terminal \`bulla up\` logs in the format \`pretty\` and at the level \`warn\`, unless you set these. With \`NODE_ENV=production\` a service refuses development organisations, and it is not ready while its Redis may drop keys that must stay.

In containers and Kubernetes set \`BULLA_HOST=0.0.0.0\`. If a Kubernetes Service has a name that begins with \`bulla-\`, Kubernetes sets variables such as \`BULLA_VAULT_PORT=tcp://…\` in every pod of its namespace. A service refuses such a value and says why: set \`enableServiceLinks: false\` in the pod.

An option of a command (\`--url\`, \`--profile\`) overrides a variable, and a variable overrides a file in \`BULLA_HOME\`.
`;

/** What a schema expects, and what holds without a value. */
function described(shape) {
  return Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => {
      if (Object.hasOwn(COMMAND, name)) return [name, COMMAND[name]];
      const expected = expectedOf(schema);
      if (expected === undefined) throw new Error(`${name} does not say what is expected`);
      return [name, { expected, initial: WITHOUT_VALUE[name] ?? initialOf(schema) }];
    }),
  );
}

/** A wrapper that makes something optional describes nothing itself. */
function expectedOf(schema) {
  return schema === undefined ? undefined : (schema.description ?? expectedOf(schema.def.innerType));
}

function initialOf(schema) {
  const { type, defaultValue } = schema.def;
  if (type === 'default' || type === 'prefault') return `\`${defaultValue}\``;
  return schema.safeParse(undefined).success ? 'nothing' : 'the service does not start';
}

/** One text where all say the same, else who says what. */
function agreed(said) {
  const byText = Map.groupBy(said, ([, text]) => text);
  if (byText.size === 1) return said[0][1];
  return [...byText].map(([text, programs]) => `${namesOf(programs)}: ${text}`).join('; ');
}

/** @param {readonly [program: string, ...unknown[]][]} programs */
function namesOf(programs) {
  return programs.map(([program]) => program).join(', ');
}

function meaningOf(name) {
  const meaning = MEANINGS[name];
  if (meaning === undefined) throw new Error(`scripts/configuration.mjs does not say what ${name} is`);
  return meaning;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const schemas = {
    ...(await import('@bulla/vault')),
    ...(await import('@bulla/responder')),
    ...(await import('@bulla/standalone')),
  };
  const path = join(repository, PAGE);
  const page = configurationPage(schemas);
  if (readFileSync(path, 'utf8') !== page) writeFileSync(path, page);
}
