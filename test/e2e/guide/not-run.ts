/** What a page shows and no test of this folder runs. */
export interface NotRun {
  readonly page: string;
  /** Of the block, where it is about one language alone. */
  readonly language?: string;
  /** How the command begins, or the block that nobody types. */
  readonly begins: string;
  readonly why: string;
  /** A test elsewhere that runs it or what it is about, and what stands there of it. */
  readonly by?: { readonly file: string; readonly says: string };
}

const ENGINE = 'needs a Docker engine; deploy.test.ts holds it to compose.yaml and to the command';
const DEPLOY = 'docs/guide/deploy.md';
const INSTALLED = { file: 'test/package/packed-bulla.test.ts', says: "'npx', '--no-install', 'bulla', 'version'" };

const ROOT_KEYS = 'docs/guide/root-keys.md';
const STAND_INS = { file: 'services/vault/test/root-key-rigs.ts', says: 'against a stand-in of' };
const IN_TOKEN = {
  file: 'packages/cli/test/signing-keys-in-a-token.test.ts',
  says: "'keys', 'generate', file, '--like'",
};
const KEYS = 'docs/guide/keys.md';
const SOFT_HSM = { file: 'services/vault/test/root-key-rigs.ts', says: "'pkcs11, on SoftHSM'" };

/** Every exception to: what the guide shows is run. */
export const NOT_RUN: readonly NotRun[] = [
  {
    page: 'docs/guide/keys.md',
    begins: 'bulla: error: BULLA_ROOT_KEY:',
    why: 'what a vault says that does not start',
    by: { file: 'services/vault/test/start.test.ts', says: 'this database is under root:file:' },
  },
  ...['bulla keys generate bob', 'bulla trust root propose --add root=bob.pub.pem'].map((begins) => ({
    page: 'docs/guide/keys.md',
    begins,
    why: 'takes keys of several people',
    by: { file: 'packages/cli/test/several-sign.test.ts', says: "['keys', 'generate', world.path('bob')" },
  })),
  {
    page: 'docs/guide/keys.md',
    begins: 'bulla trust root propose --replace directory --own-device',
    why: 'takes a thief who has revoked everybody',
    by: { file: 'test/e2e/stolen-directory-key.test.ts', says: "'--own-device', '--why'" },
  },
  { page: 'README.md', begins: '  author ', why: 'a picture' },
  {
    page: 'docs/guide/proxy.md',
    begins: 'npx bulla exec -- node examples/stream.mjs',
    why: 'needs a service that runs',
    by: { file: 'packages/cli/test/exec.test.ts', says: 'gives one command a proxy' },
  },
  {
    page: 'docs/guide/own-sdk.md',
    begins: 'npx bulla exec -- node examples/messages.mjs',
    why: 'needs a service that runs, and packages of examples/',
    by: { file: 'test/apps/anthropic.test.ts', says: 'examples/messages.mjs does the same' },
  },
  {
    page: 'docs/guide/own-sdk.md',
    language: 'js',
    begins: 'import { Bulla }',
    why: 'needs a service that runs',
    by: { file: 'test/apps/responses.test.ts', says: 'docs/guide/own-sdk.md' },
  },
  {
    page: 'docs/guide/proxy.md',
    begins: 'bulla proxy',
    why: 'goes on until it is stopped',
    by: { file: 'packages/cli/test/proxy.test.ts', says: 'says where apps find it' },
  },
  {
    page: 'docs/guide/proxy.md',
    begins: 'bulla verify rcp_',
    why: 'the id is of one receipt alone',
    by: { file: 'packages/cli/test/proxy.test.ts', says: "['verify', id]" },
  },
  { page: 'docs/guide/audit.md', begins: 'the pin ', why: 'a picture' },
  {
    page: 'docs/guide/keys.md',
    begins: 'bulla prompt pull claims/triage',
    why: 'goes on from a device that was revoked',
    by: { file: 'test/e2e/stories/keys-and-leavers.test.ts', says: "'--new-key'" },
  },
  {
    page: 'docs/guide/audit.md',
    begins: 'bulla audit stream --to syslog+tls://',
    why: 'needs a SIEM, and goes on until it is stopped',
    by: { file: 'test/e2e/stories/audit-stream.test.ts', says: 'syslog+tls://localhost' },
  },
  {
    page: 'docs/guide/audit.md',
    language: 'yaml',
    begins: '  stream:',
    why: 'needs a Docker engine',
    by: { file: 'test/e2e/guide/stream-services.test.ts', says: 'docs/guide/audit.md' },
  },
  {
    page: 'docs/guide/audit.md',
    begins: 'chain ok 21 events',
    why: 'what a log says in which somebody forged entries',
    by: { file: 'test/e2e/stories/ordinary-acts.test.ts', says: 'evidence BAD' },
  },
  {
    page: 'docs/guide/audit.md',
    begins: '"witnesses"',
    why: 'a member of a policy, with a key of nobody here',
    by: { file: 'test/e2e/guide/audit.test.ts', says: 'witnesses: { quorum: 1, keys: [key] }' },
  },
  {
    page: 'README.md',
    begins: 'npm start ',
    why: 'goes on until it is stopped; the test starts the same in its process',
  },
  { page: 'README.md', begins: 'npm test ', why: 'runs this' },
  {
    page: 'README.md',
    begins: 'npx bulla proxy',
    why: 'goes on until it is stopped',
    by: { file: 'packages/cli/test/proxy.test.ts', says: 'says where apps find it' },
  },
  {
    page: 'README.md',
    begins: 'BULLA_LLM=openai:http://127.0.0.1:11434/v1 npm start',
    why: 'goes on until it is stopped; the test of models.md starts it with a server that is no model',
  },
  {
    page: 'docs/guide/quickstart.md',
    begins: 'npm start',
    why: 'goes on until it is stopped; the test starts the same in its process',
  },
  {
    page: 'docs/guide/approvals.md',
    begins: '$ bulla prompt adopt claims/triage@production\nclaims/triage@production\n  this machine remembers  move 6',
    why: 'takes a vault that lies',
    by: { file: 'packages/cli/test/labels.test.ts', says: "'prompt', 'adopt', PLACE" },
  },
  {
    page: 'docs/guide/custody.md',
    begins: '"custody"',
    why: 'a member of a policy',
    by: { file: 'packages/cli/test/custody.test.ts', says: "'open/': 'managed'" },
  },
  {
    page: 'docs/guide/custody.md',
    begins: 'bulla policy set policy.json',
    why: 'takes a root key, and asks',
    by: { file: 'packages/cli/test/custody.test.ts', says: 'the operator of the vault could read what is pushed' },
  },
  {
    page: 'docs/guide/custody.md',
    begins: 'bulla prompt push open/faq',
    why: 'takes a vault with a root key',
    by: { file: 'packages/cli/test/custody.test.ts', says: 'note: the policy has the vault manage this name' },
  },
  {
    page: 'docs/guide/custody.md',
    language: 'json',
    begins: '{\n  "salt"',
    why: 'the body of a request',
    by: { file: 'services/vault/test/managed-names.test.ts', says: 'entrusted-versions' },
  },
  {
    page: 'docs/guide/tls.md',
    begins: 'BULLA_TLS_CERT_FILE=tls.pem ',
    why: 'goes on until it is stopped; the test of the page starts the same in its process',
    by: { file: 'test/e2e/guide/tls.test.ts', says: "join(folder, 'tls.pem')" },
  },
  {
    page: 'docs/guide/cli.md',
    begins: 'npm i',
    why: 'takes a registry for what others publish',
    by: INSTALLED,
  },
  {
    page: 'docs/guide/cli.md',
    begins: 'npx bulla version',
    why: 'in a project with an installed archive',
    by: INSTALLED,
  },
  {
    page: 'docs/guide/sdk.md',
    begins: 'npm ',
    why: 'takes a registry for what others publish',
    by: { file: 'test/package/packed-bulla.test.ts', says: 'docs/guide/sdk.md' },
  },
  {
    page: 'docs/guide/sdk.md',
    language: 'ts',
    begins: '',
    why: 'a program, which is run as it stands',
    by: { file: 'packages/client/test/sdk-guide.test.ts', says: 'docs/guide/sdk.md' },
  },
  {
    page: 'docs/guide/models.md',
    begins: 'npm run build:gguf',
    why: 'installs 83 MB; the test runs what is installed, and is counted as skipped where nothing is',
    by: {
      file: 'services/responder/src/models/gguf/gguf.model.test.ts',
      says: 'isLlamaInstalled() ? describe : describe.skip',
    },
  },
  {
    page: 'docs/guide/models.md',
    begins: 'BULLA_LLM=gguf:/models/llama-3.2-3b-q4.gguf npm start',
    why: 'needs a model file of the reader’s own',
    by: { file: 'services/responder/src/models/gguf/gguf.model.test.ts', says: 'new GgufModel(path' },
  },
  {
    page: 'docs/guide/models.md',
    begins: '{"level":"info",…"event":"run-finished"',
    why: 'a line of a log, which goes past a command that runs within a test',
    by: { file: 'services/responder/src/models/models-over-http.test.ts', says: "'cloud/http_status/503 local'" },
  },
  {
    page: 'docs/guide/models.md',
    begins: 'npx bulla dev fake-openai',
    why: 'goes on until it is stopped; the test starts the same in its process',
  },
  {
    page: 'docs/guide/models.md',
    begins: 'BULLA_LLM=openai:http://127.0.0.1:11434/v1 npm start',
    why: 'goes on until it is stopped; the test starts the same in its process',
  },
  { page: DEPLOY, begins: 'git clone ', why: 'the address is the reader’s own' },
  { page: DEPLOY, begins: 'cp example.env .env ', why: 'tried by compose.test.ts, which has Docker read the example' },
  { page: DEPLOY, begins: 'umask 077', why: 'for the copies that the engine writes after it' },
  { page: DEPLOY, begins: 'docker compose ', why: ENGINE },
  { page: DEPLOY, begins: 'VAULT_URL=', why: 'lines of .env' },
  {
    page: DEPLOY,
    begins: "update vault.restore_mark set place = '';",
    why: 'needs a server of its own, of which a copy is put back',
    by: { file: 'services/vault/test/restoring.ts', says: 'restore_mark' },
  },
  {
    page: DEPLOY,
    begins: 'bulla keys generate vault.new.json --like vault.keys.json --checkpoint --marks',
    why: 'names folders of a machine on which a vault runs alone',
    by: { file: 'packages/cli/test/checkpoint-keys.test.ts', says: "'--marks'" },
  },
  {
    page: DEPLOY,
    begins: 'mv vault.new',
    why: 'names folders of a machine on which a vault runs alone',
    by: { file: 'packages/cli/test/checkpoint-keys.test.ts', says: 'log.json' },
  },
  {
    page: DEPLOY,
    begins: 'GLIBC_TUNABLES=',
    why: 'goes on until it is stopped',
    by: { file: 'test/house/launch-settings.test.ts', says: 'GLIBC_TUNABLES=' },
  },
  { page: DEPLOY, begins: 'max_prepared_statements', why: 'settings of PgBouncer, which the tests do without' },
  {
    page: ROOT_KEYS,
    begins: 'bulla keys generate --root /etc/bulla/root.salt',
    why: 'writes where nobody may here',
    by: { file: 'test/e2e/asked-passphrase.test.ts', says: "['keys', 'generate', '--root', salt, '--passphrase']" },
  },
  {
    page: ROOT_KEYS,
    begins: 'BULLA_ROOT_KEY=passphrase:',
    why: 'a setting',
    by: { file: 'test/e2e/asked-passphrase.test.ts', says: 'passphrase:${salt}' },
  },
  {
    page: ROOT_KEYS,
    begins: 'passphrase of the root key (',
    why: 'is asked at a terminal',
    by: { file: 'test/e2e/asked-passphrase.test.ts', says: "'passphrase of the root key ('" },
  },
  {
    page: ROOT_KEYS,
    begins: 'bulla keys shamir create',
    why: 'makes shares of five people',
    by: { file: 'packages/cli/test/unseal.test.ts', says: "'keys', 'shamir', 'create'" },
  },
  {
    page: ROOT_KEYS,
    begins: 'BULLA_ROOT_KEY=shamir:',
    why: 'a setting',
    by: { file: 'packages/cli/test/unseal.test.ts', says: "`shamir:${world.path('shares/set.json')}`" },
  },
  {
    page: ROOT_KEYS,
    begins: '… warn  vault vault-sealed',
    why: 'a line of a log, with keys of nobody here',
    by: { file: 'services/vault/test/unsealing.test.ts', says: "line.includes('vault-sealed')" },
  },
  {
    page: ROOT_KEYS,
    begins: 'bulla unseal ',
    why: 'takes the shares of several people',
    by: { file: 'packages/cli/test/unseal.test.ts', says: "['unseal', share(1), '--fingerprint', fingerprint]" },
  },
  { page: ROOT_KEYS, begins: 'bao ', why: 'needs an OpenBao', by: STAND_INS },
  { page: ROOT_KEYS, language: 'hcl', begins: 'path "transit/', why: 'is for an OpenBao', by: STAND_INS },
  { page: ROOT_KEYS, begins: "BULLA_ROOT_KEY='openbao:", why: 'needs an OpenBao', by: STAND_INS },
  { page: ROOT_KEYS, begins: 'npm run build:token', why: 'compiles, where a machine is prepared for the tests' },
  { page: ROOT_KEYS, begins: 'pkcs11-tool ', why: 'makes a key in a token of nobody here', by: SOFT_HSM },
  { page: ROOT_KEYS, begins: "BULLA_ROOT_KEY='pkcs11:", why: 'a setting', by: SOFT_HSM },
  { page: ROOT_KEYS, begins: 'npm run build:kms', why: 'installs, where a machine is prepared for the tests' },
  { page: ROOT_KEYS, begins: 'BULLA_ROOT_KEY=aws:', why: 'needs an account of AWS', by: STAND_INS },
  { page: KEYS, language: 'json', begins: '{ "kid"', why: 'a part of a key file', by: IN_TOKEN },
  { page: KEYS, begins: 'bulla keys generate vault.new.json', why: 'needs a token', by: IN_TOKEN },
  ...['mv vault.new.json', 'bulla keys public vault', 'bulla trust accept vault', 'bulla trust retire vault'].map(
    (begins) => ({
      page: KEYS,
      begins,
      why: 'goes on from a token',
      by: IN_TOKEN,
    }),
  ),
];
