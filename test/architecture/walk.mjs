// One save and one run in one process, traced by walks.test.ts: argv is the repository and an empty folder.
import { pathToFileURL } from 'node:url';

const [repository, folder] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${repository}/${path}`).href);
const { Bulla, identityOf } = await load('packages/client/dist/index.js');
const { FileTrustStore, Home, IDENTITY, prepareDevelopment, readKeyFile, readProfile } = await load(
  'packages/client/dist/node/index.js',
);
const { startStandalone } = await load('services/standalone/dist/index.js');

__entered('loaded');
while (globalThis.__ready !== true) await new Promise((resolve) => setTimeout(resolve, 20));
void [
  Bulla,
  identityOf,
  FileTrustStore,
  Home,
  IDENTITY,
  prepareDevelopment,
  readKeyFile,
  readProfile,
  startStandalone,
  folder,
];
