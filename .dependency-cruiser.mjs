// Who may import whom: the one table. Imports go down only, never sideways between services.
// test/house/imports.test.ts plants one bad import per rule and sees each refused.

/** What each workspace may import; its package.json and tsconfig.json say the same (test/house/workspaces.test.ts). */
export const WORKSPACE_IMPORTS = {
  'packages/crypto': [],
  'packages/contract': ['packages/crypto'],
  'packages/testkit': [],
  'packages/conformance': ['packages/crypto'],
  'packages/client': ['packages/crypto', 'packages/contract'],
  'packages/proxy': ['packages/client', 'packages/crypto', 'packages/contract'],
  'packages/mcp': ['packages/client', 'packages/crypto', 'packages/contract'],
  'packages/cli': ['packages/proxy', 'packages/mcp', 'packages/client', 'packages/crypto', 'packages/contract'],
  'packages/service-kit': ['packages/crypto', 'packages/contract'],
  'services/vault': ['packages/service-kit', 'packages/crypto', 'packages/contract'],
  'services/responder': ['packages/service-kit', 'packages/crypto', 'packages/contract'],
  'services/standalone': [
    'services/vault',
    'services/responder',
    'packages/service-kit',
    'packages/crypto',
    'packages/contract',
  ],
};

/** The rooms of the crypto package, and which of the others each may import. What opens, open/, counts as its room. */
export const CRYPTO_ROOMS = {
  schemas: [],
  names: [],
  platform: [],
  encoding: ['schemas', 'names', 'platform'],
  keys: ['schemas', 'names', 'platform', 'encoding'],
  tokens: ['schemas', 'names', 'platform', 'encoding', 'keys'],
  'key-files': ['schemas', 'names', 'platform', 'encoding', 'keys', 'tokens'],
  streams: ['names', 'platform', 'encoding', 'tokens'],
  organisation: ['schemas', 'names', 'encoding', 'keys', 'tokens', 'log'],
  chat: ['schemas', 'names', 'encoding', 'tokens'],
  prompt: ['schemas', 'names', 'encoding', 'keys', 'tokens', 'streams', 'organisation', 'chat'],
  run: ['schemas', 'names', 'platform', 'encoding', 'keys', 'tokens', 'organisation', 'prompt', 'chat', 'log'],
  evidence: ['schemas', 'names', 'encoding', 'keys', 'tokens', 'organisation', 'prompt', 'chat', 'run'],
  shares: ['schemas', 'names', 'encoding', 'keys', 'tokens'],
  letters: ['schemas', 'names', 'encoding', 'keys', 'tokens', 'streams'],
  http: ['names', 'encoding', 'keys'],
  log: ['names', 'platform', 'encoding', 'keys'],
};

const ANY_WORKSPACE = '^(packages|services)/';
/** What makes vectors also makes what our code would not, so it reaches into the crypto package; nobody ships it. */
const GENERATORS = '^packages/conformance/generators/';
/** What builds fixtures for the tests of other workspaces (`./testing` of a package) counts as a test. */
const TESTS = `([.]test[.]ts$|^(packages|services)/[^/]+/test/|^packages/[^/]+/src/testing|^test/|${GENERATORS})`;
/** The half of the crypto package that takes private encryption keys and data keys: in each room that opens, a folder. */
const OPENING = '^packages/crypto/src/(.*/open/|open[.]ts$)';
/** Only these open anything: who asks, and the one room of the responder that holds private keys. */
const MAY_OPEN = [
  '^packages/(crypto|client|cli|conformance)/',
  '^services/responder/src/(opener|grants)/',
  '^services/vault/src/managed/',
  TESTS,
];

/** The command loads these two by name when it runs, so that neither is ever part of its bundle. */
const LOADED_BY_NAME = { 'packages/cli': ['services/standalone', 'packages/testkit'] };

const refuse = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const below = (folders) => folders.map((folder) => `^${folder}/`);

const workspaceRules = Object.entries(WORKSPACE_IMPORTS).flatMap(([workspace, allowed]) => {
  const byName = LOADED_BY_NAME[workspace] ?? [];
  const permitted = [workspace, ...allowed];
  return [
    refuse(
      `imports-of-${workspace}`,
      `${workspace} may import ${allowed.join(', ') || 'no workspace'}.`,
      { path: `^${workspace}/`, pathNot: TESTS },
      { path: ANY_WORKSPACE, pathNot: below([...permitted, ...byName]) },
    ),
    refuse(
      `imports-of-tests-of-${workspace}`,
      `Tests of ${workspace} may import what it may, and testkit; tests across workspaces live in test/.`,
      { path: [`^${workspace}/.*[.]test[.]ts$`, `^${workspace}/(test|generators)/`] },
      { path: ANY_WORKSPACE, pathNot: below([...permitted, ...byName, 'packages/testkit']) },
    ),
    ...(byName.length > 0
      ? [
          refuse(
            `loaded-by-name-in-${workspace}`,
            `${workspace} loads ${byName.join(' and ')} with import() at run time, never statically.`,
            { path: `^${workspace}/`, pathNot: TESTS },
            { path: below(byName), dynamic: false },
          ),
        ]
      : []),
  ];
});

const boundaryRules = [
  refuse(
    'workspace-has-a-row',
    'A workspace without a row in WORKSPACE_IMPORTS may import nothing.',
    { path: ANY_WORKSPACE, pathNot: below(Object.keys(WORKSPACE_IMPORTS)) },
    {},
  ),
  refuse(
    'across-workspaces-by-name',
    'Across workspaces import the package by name, never a file of it.',
    { path: '^((?:packages|services)/[^/]+)/', pathNot: GENERATORS },
    { path: ANY_WORKSPACE, pathNot: '^$1/', dependencyTypesNot: ['aliased-workspace'] },
  ),
  refuse(
    'contract-takes-names-alone',
    'What travels has the vocabulary of the crypto package and nothing else of it.',
    { path: '^packages/contract/', pathNot: TESTS },
    { path: '^packages/crypto/', pathNot: '^packages/crypto/src/names[.]ts$' },
  ),
  refuse(
    'opening-only-where-keys-are',
    'Who does not hold private encryption keys has no code that could use them.',
    { path: ANY_WORKSPACE, pathNot: MAY_OPEN },
    { path: OPENING },
  ),
  refuse(
    'opening-stays-behind-its-entry',
    'The main entry of the crypto package reaches nothing that opens.',
    { path: '^packages/crypto/src/', pathNot: [OPENING, TESTS] },
    { path: OPENING },
  ),
  refuse(
    'isomorphic-without-node',
    'The same code runs in browsers: no Node core module.',
    {
      path: '^packages/(crypto|contract|client)/src/',
      pathNot: ['^packages/client/src/node/', '^packages/crypto/src/platform/(open/)?platform-node[.]ts$', TESTS],
    },
    { dependencyTypes: ['core'] },
  ),
  refuse(
    'isomorphic-client-without-its-node-half',
    'What needs Node in the client is its own entry.',
    { path: '^packages/client/src/', pathNot: ['^packages/client/src/node/', TESTS] },
    { path: '^packages/client/src/node/' },
  ),
  refuse(
    'tests-are-imported-by-tests',
    'Product code never reaches a test or its fixtures.',
    { path: ANY_WORKSPACE, pathNot: TESTS },
    { path: TESTS },
  ),
];

const roomRules = [
  refuse(
    'controller-asks-a-service',
    'A controller is a signature with one line: no SQL, no repository.',
    { path: '[.]controller[.]ts$' },
    { path: ['[.]repository[.]ts$', '(^|/)node_modules/(kysely|pg)/'] },
  ),
  refuse(
    'service-knows-no-edge',
    'A service is the rule: no HTTP and no SQL.',
    { path: '^services/.*[.]service[.]ts$' },
    { path: ['[.]controller[.]ts$', '(^|/)node_modules/(kysely|pg|fastify)/'] },
  ),
  refuse(
    'repository-is-the-bottom',
    'A repository is SQL with a name and knows nobody above it.',
    { path: '[.]repository[.]ts$' },
    { path: '[.](controller|service)[.]ts$' },
  ),
  refuse(
    'rooms-meet-through-services',
    'A room never uses the repository of another one.',
    { path: '^(services/[^/]+/src)/([^/]+)/', pathNot: TESTS },
    { path: '^$1/.*[.]repository[.]ts$', pathNot: '^$1/$2/' },
  ),
];

const cryptoRules = Object.entries(CRYPTO_ROOMS).map(([room, allowed]) =>
  refuse(
    `rooms-of-crypto/${room}`,
    `${room}/ may import ${allowed.join(', ') || 'no other room'}.`,
    { path: `^packages/crypto/src/${room}/`, pathNot: TESTS },
    { path: '^packages/crypto/src/', pathNot: below([room, ...allowed].map((name) => `packages/crypto/src/${name}`)) },
  ),
);

const generalRules = [
  refuse(
    'no-circle',
    'Two files that need each other are one thing, or have a third in common.',
    {},
    { circular: true },
  ),
  refuse(
    'resolvable',
    'What cannot be found is not there in a fresh clone either.',
    // It has a lock file of its own and is installed by a command of its own, where there is a token.
    { pathNot: '^(packages/service-kit/pkcs11|services/responder/gguf)/' },
    { couldNotResolve: true },
  ),
  refuse(
    'declared',
    'A workspace declares what it imports in its own package.json.',
    { path: `${ANY_WORKSPACE}|^(test|scripts|bench|fuzz)/` },
    { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], couldNotResolve: false },
  ),
  refuse(
    'development-dependencies-in-tests-only',
    'What ships needs what it imports at run time.',
    { path: ANY_WORKSPACE, pathNot: TESTS },
    // The root's are development dependencies too, so what a workspace declares properly is listed as both.
    { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm'] },
  ),
];

export default {
  forbidden: [...workspaceRules, ...boundaryRules, ...roomRules, ...cryptoRules, ...generalRules],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: {
      path: [
        '^((packages|services)/[^/]+|bench|fuzz)/(dist|coverage)/',
        // Other people's SDKs: `npm run test:apps` alone installs them.
        '^(examples|test/apps/programs)/',
      ],
    },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['bulla-source', 'import', 'node', 'default'],
    },
  },
};
