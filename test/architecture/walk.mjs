// One save and one run in one process, traced by walks.test.ts. Arguments: the repository, and an empty folder.
import { pathToFileURL } from 'node:url';

const [repository, folder] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${repository}/${path}`).href);
const { Bulla, identityOf } = await load('packages/client/dist/index.js');
const { Home, IDENTITY, prepareDevelopment, readKeyFile, RESPONDER_KEYS, VAULT_KEYS } = await load(
  'packages/client/dist/node/index.js',
);
const { publishOrganisation } = await load('packages/client/dist/trust/publishing.js');
const { findAddresses, readStandaloneSettings, start } = await load('services/standalone/dist/index.js');

const home = new Home(folder);
const ports = { BULLA_VAULT_PORT: '0', BULLA_RESPONDER_PORT: '0', BULLA_METRICS_PORT: '0' };
const settings = readStandaloneSettings({ ...ports, BULLA_LOG_LEVEL: 'warn', BULLA_LLM: 'builtin:extract' });
const addresses = await findAddresses(settings);
await home.makeFolder();
let development;
let identity;
const standalone = await start({
  settings,
  environment: {},
  addresses,
  home: home.folder,
  recognise: () => Promise.resolve('the-mark'),
  async organisation({ vaultUrl, responderUrl }) {
    development = await prepareDevelopment(home, { vaultUrl, responderUrl, now: Math.floor(Date.now() / 1000) });
    identity = await identityOf(await readKeyFile(home, IDENTITY));
    const files = { vaultKeysFile: home.path(VAULT_KEYS), responderKeysFile: home.path(RESPONDER_KEYS) };
    return { org: identity.org, pin: development.pin, bootstrapSecret: development.bootstrapSecret, ...files };
  },
  publish: () => publishOrganisation({ vaultUrl: addresses.vaultUrl, identity, ...development }),
});
const bulla = await Bulla.connect({ url: addresses.vaultUrl, identity, pin: development.pin });
const draft = (text) => ({
  content: {
    messages: [{ role: 'user', content: `${text} {{claim}}` }],
    vars: { claim: { type: 'string', max: 1000 } },
    model: { name: 'default' },
  },
  acceptsMessages: false,
});
await bulla.prompts.push('claims/triage', 'text', draft('First.'), ['production']);

// Everything is loaded: from here on each function is noted as it is entered for the first time.
__entered('loaded');
while (globalThis.__ready !== true) await new Promise((resolve) => setTimeout(resolve, 20));
__entered('begin save');
await bulla.prompts.push('claims/triage', 'text', draft('Second.'), ['production']);
__entered('begin run');
await bulla.prompt('claims/triage').run({ claim: 'The roof leaks. It is urgent.' });
__entered('end');
await standalone.stop();
