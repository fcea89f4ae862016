import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repository } from './workspaces.mjs';

/** The page that is made here: `npm run docs:configuration`. */
export const PAGE = 'docs/guide/configuration.md';

/** What each setting is for. What is expected, and what holds without it, is read from its schema. */
const MEANINGS = {
  BULLA_ANSWER_BYTES_MAX: 'how long one answer may get',
  BULLA_BOOTSTRAP_SECRET: 'lets an organisation in that the vault does not have yet; each is spent by the first',
  BULLA_DATABASE_POOL: 'how many connections to the database each service keeps at most',
  BULLA_DATABASE_URL: 'the PostgreSQL database, 15 or newer',
  BULLA_HOME: 'the folder of this user: keys, pin, what was seen before, the embedded database',
  BULLA_HOST: 'where the service listens; in a container 0.0.0.0',
  BULLA_IDENTITY: 'the key file of this device, in the place of identity.json in BULLA_HOME',
  BULLA_KEYS_FILE: 'the private keys of the service, a file that only its account may read',
  BULLA_LIMIT_ENVELOPES_PER_MINUTE: 'how many envelopes one key gets',
  BULLA_LIMIT_FAILURES_PER_SECOND: 'how many failing signatures one address may send',
  BULLA_LIMIT_KEY_PER_SECOND: 'how much one key may ask',
  BULLA_LIMIT_ORG_PER_SECOND: 'how much all keys of one organisation may ask together',
  BULLA_LIMIT_RUNS_PER_KEY: 'how many runs of one key are at work at once',
  BULLA_LIMIT_RUNS_PER_ORG: 'how many runs of all keys of one organisation are at work at once',
  BULLA_LLM: 'what answers',
  BULLA_LLM_API_KEY: 'what the model server is shown as a bearer token',
  BULLA_LLM_MODEL: 'the model where the prompt names none',
  BULLA_LLM_TIMEOUT_MS: 'how long a run may wait for its model, in milliseconds',
  BULLA_LOG_FORMAT: 'how its lines are written',
  BULLA_LOG_LEVEL: 'which lines are logged',
  BULLA_METRICS_PORT: 'where Prometheus finds the metrics',
  BULLA_MIGRATE: 'whether a start brings the database up to date',
  BULLA_PASSPHRASE: 'opens key files that `bulla keys lock` has locked',
  BULLA_PIN: "the hash of the organisation's first root",
  BULLA_PROFILE: 'the file that names vault, organisation and pin, in the place of profile.json in BULLA_HOME',
  BULLA_PUBLIC_URL: 'by which addresses clients know the service: signed requests name them',
  BULLA_REDIS_URL: 'where replicas share limits; without it each process counts alone',
  BULLA_REQUESTS_MAX: 'how many requests are at work at once',
  BULLA_RESPONDER_PORT: 'the port of the responder',
  BULLA_RUNS_MAX: 'how many runs are at work at once; beyond, keys get the next places in turn',
  BULLA_TEST_DATABASE_URL: 'a PostgreSQL server on which tests may make databases',
  BULLA_TRUST_PROXY: 'whose word counts for the address of a caller',
  BULLA_URL: "the vault, in the place of the profile's",
  BULLA_VAULT_PORT: 'the port of the vault',
  BULLA_VAULT_URL: 'where the responder finds the vault',
};

/** What depends on the machine, and so is not written as it is on this one. */
const BY_THE_MACHINE = { BULLA_DATABASE_POOL: 'four for each core, and ten at least' };

/** Of programs that do not read them by a schema, and of `bulla up` the same. */
const COMMAND = {
  BULLA_HOME: { expected: 'the path of a folder', initial: '`~/.bulla`' },
  BULLA_IDENTITY: { expected: 'the path of a file', initial: 'nothing' },
  BULLA_PASSPHRASE: { expected: 'at least 12 characters', initial: 'it is asked for' },
  BULLA_PROFILE: { expected: 'the path of a file', initial: 'nothing' },
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

Everything is set by environment variables. They are read once, when a program starts; a bad value ends it with 78 before anything is written, with the name and what was expected and never the value. A \`BULLA_\` variable that nobody knows ends a service and \`bulla up\` in the same way; other commands do not look at it, and \`bulla doctor\` names it.

For every \`X\` there is \`X_FILE\`, the path of a file that holds the value (a secret of Docker or Kubernetes); an empty variable or file counts as absent. No secret has a default, and none is an argument of a command. \`bulla up\` runs vault and responder in one process; on their own they are \`node services/vault/dist/main.js\` and \`node services/responder/dist/main.js\`.
`;

const END = `
The command also obeys \`NO_COLOR\`. At a terminal \`bulla up\` has \`pretty\` and \`warn\` where the two settings of its log are not set. With \`NODE_ENV=production\` services refuse development organisations, and a Redis that drops what it should keep makes them not ready.

In containers and Kubernetes services must listen on \`BULLA_HOST=0.0.0.0\`; a Kubernetes Service whose name begins with \`bulla-\` sets variables such as \`BULLA_VAULT_PORT=tcp://…\` in every pod of its namespace, which is refused with that reason: set \`enableServiceLinks: false\`.

Options of commands (\`--url\`, \`--profile\`) go before variables, variables before files in \`BULLA_HOME\`.
`;

/** What a schema expects, and what holds without a value. */
function described(shape) {
  return Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => {
      if (Object.hasOwn(COMMAND, name)) return [name, COMMAND[name]];
      const expected = expectedOf(schema);
      if (expected === undefined) throw new Error(`${name} does not say what is expected`);
      return [name, { expected, initial: BY_THE_MACHINE[name] ?? initialOf(schema) }];
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
  return schema.safeParse(undefined).success ? 'nothing' : 'it does not start';
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
