import { readdirSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import cruiser, { CRYPTO_ROOMS } from '../../.dependency-cruiser.mjs';
import { repository, workspaces } from '../../scripts/workspaces.mjs';
import { Plot, runTool } from './tool.js';

/** One bad import per rule: the rule, the file it is planted in, and the statement. */
const PLANTED: readonly [rule: string, file: string, statement: string][] = [
  ['imports-of-packages/crypto', 'packages/crypto/src/bad.ts', `import '@bulla/contract';`],
  ['imports-of-tests-of-packages/crypto', 'packages/crypto/src/bad.test.ts', `import '@bulla/client';`],
  ['imports-of-packages/contract', 'packages/contract/src/bad.ts', `import '@bulla/client';`],
  ['imports-of-tests-of-packages/contract', 'packages/contract/test/bad.ts', `import '@bulla/client';`],
  ['contract-takes-names-alone', 'packages/contract/src/greedy.ts', `import '@bulla/crypto';`],
  ['imports-of-packages/testkit', 'packages/testkit/src/bad.ts', `import '@bulla/contract';`],
  ['imports-of-tests-of-packages/testkit', 'packages/testkit/src/bad.test.ts', `import '@bulla/crypto';`],
  ['imports-of-packages/conformance', 'packages/conformance/src/bad.ts', `import '@bulla/contract';`],
  ['imports-of-tests-of-packages/conformance', 'packages/conformance/test/bad.ts', `import '@bulla/cli';`],
  ['imports-of-tests-of-packages/conformance', 'packages/conformance/generators/bad.mjs', `import '@bulla/client';`],
  ['tests-are-imported-by-tests', 'packages/conformance/src/made.ts', `import '../generators/bad.mjs';`],
  ['imports-of-packages/client', 'packages/client/src/bad.ts', `import type {} from '@bulla/service-kit';`],
  ['imports-of-tests-of-packages/client', 'packages/client/src/bad.test.ts', `import '@bulla/vault';`],
  ['imports-of-packages/proxy', 'packages/proxy/src/bad.ts', `import '@bulla/service-kit';`],
  ['imports-of-tests-of-packages/proxy', 'packages/proxy/test/bad.test.ts', `import '@bulla/standalone';`],
  ['imports-of-packages/mcp', 'packages/mcp/src/bad.ts', `import '@bulla/proxy';`],
  ['imports-of-tests-of-packages/mcp', 'packages/mcp/test/bad.test.ts', `import '@bulla/standalone';`],
  ['imports-of-packages/cli', 'packages/cli/src/bad.ts', `await import('@bulla/vault');`],
  ['imports-of-tests-of-packages/cli', 'packages/cli/src/bad.test.ts', `import '@bulla/responder';`],
  ['loaded-by-name-in-packages/cli', 'packages/cli/src/bundled.ts', `import '@bulla/standalone';`],
  ['imports-of-packages/service-kit', 'packages/service-kit/src/bad.ts', `import '@bulla/client';`],
  ['imports-of-tests-of-packages/service-kit', 'packages/service-kit/src/bad.test.ts', `import '@bulla/vault';`],
  ['imports-of-services/vault', 'services/vault/src/bad.ts', `import '@bulla/responder';`],
  ['imports-of-tests-of-services/vault', 'services/vault/src/bad.test.ts', `import '@bulla/client';`],
  ['imports-of-services/responder', 'services/responder/src/bad.ts', `export { word } from '@bulla/vault';`],
  ['imports-of-tests-of-services/responder', 'services/responder/src/bad.test.ts', `import '@bulla/vault';`],
  ['imports-of-services/standalone', 'services/standalone/src/bad.ts', `import '@bulla/testkit';`],
  ['imports-of-tests-of-services/standalone', 'services/standalone/src/bad.test.ts', `import '@bulla/cli';`],
  ['workspace-has-a-row', 'packages/newcomer/src/index.ts', `import '@bulla/crypto';`],
  ['across-workspaces-by-name', 'packages/client/src/by-file.ts', `import '../../crypto/src/index.js';`],
  ['opening-only-where-keys-are', 'services/vault/src/curious.ts', `import '@bulla/crypto/open';`],
  ['opening-stays-behind-its-entry', 'packages/crypto/src/prompt/shortcut.ts', `import './open/grant.js';`],
  ['isomorphic-without-node', 'packages/contract/src/noded.ts', `import 'node:fs';`],
  ['isomorphic-client-without-its-node-half', 'packages/client/src/half.ts', `import './node/index.js';`],
  ['tests-are-imported-by-tests', 'packages/client/src/tested.ts', `import './bad.test.js';`],
  ['tests-are-imported-by-tests', 'packages/client/src/with-fixtures.ts', `import '@bulla/crypto/testing';`],
  ['controller-asks-a-service', 'services/vault/src/room/sql.controller.ts', `import './rows.repository.js';`],
  ['service-knows-no-edge', 'services/vault/src/room/web.service.ts', `import 'fastify';`],
  ['repository-is-the-bottom', 'services/vault/src/room/up.repository.ts', `import './plain.service.js';`],
  ['rooms-meet-through-services', 'services/vault/src/other/a.ts', `import '../room/rows.repository.js';`],
  // Nobody may import the room that stands above all others, and that one none that stands beside it.
  ...Object.keys(CRYPTO_ROOMS).map((room): [string, string, string] => [
    `rooms-of-crypto/${room}`,
    `packages/crypto/src/${room}/bad.ts`,
    `import '../${room === 'evidence' ? 'letters' : 'evidence'}/fine.js';`,
  ]),
  ['no-circle', 'packages/crypto/src/circle-a.ts', `import type {} from './circle-b.js';`],
  ['resolvable', 'packages/crypto/src/nowhere.ts', `import './nothing.js';`],
  ['declared', 'packages/client/src/undeclared.ts', `import 'pino';`],
  ['development-dependencies-in-tests-only', 'packages/client/src/toy.ts', `import 'fast-check';`],
];

/** What the planted statements need to be there, without breaking a rule itself. */
const SOIL: readonly [file: string, text: string][] = [
  ['packages/crypto/src/open.ts', `export const word = 1;`],
  ['packages/crypto/src/prompt/open/grant.ts', `export const word = 1;`],
  ['packages/crypto/src/testing.ts', `import './prompt/open/grant.js';`],
  ['packages/crypto/src/evidence/fine.ts', `import '../names/fine.js';`],
  ['packages/crypto/src/letters/fine.ts', `import '../names/fine.js';`],
  ['packages/crypto/src/names/fine.ts', `export const word = 1;`],
  ['packages/crypto/src/circle-b.ts', `import './circle-a.js';`],
  ['packages/client/src/node/index.ts', `import 'node:fs';`],
  ['packages/conformance/generators/make.mjs', `import '../../crypto/src/prompt/open/grant.js'; import 'fast-check';`],
  ['packages/cli/src/up.ts', `await import('@bulla/standalone');`],
  ['packages/client/src/fine.test.ts', `import '@bulla/testkit'; import 'fast-check'; import 'node:fs';`],
  ['services/vault/src/room/rows.repository.ts', `import 'kysely';`],
  ['services/vault/src/room/plain.service.ts', `import './rows.repository.js';`],
  ['services/vault/src/room/plain.controller.ts', `import './plain.service.js';`],
  ['services/responder/src/opener/opener.service.ts', `import '@bulla/crypto/open';`],
];

describe('import table', () => {
  const plot = new Plot();
  let violations: { rule: string | undefined; from: string | undefined }[];
  let status: number | null;

  beforeAll(() => {
    for (const file of ['.dependency-cruiser.mjs', 'package.json']) plot.copy(file);
    for (const { folder } of workspaces()) {
      plot.copy(`${folder}/package.json`);
      plot.plant(`${folder}/src/index.ts`, `export const word = 1;`);
    }
    for (const [file, text] of SOIL) plot.plant(file, text);
    for (const [, file, statement] of PLANTED) plot.plant(file, statement);
    linkPackages(plot);
    const run = runTool('depcruise', ['packages', 'services'], plot.folder);
    status = run.status;
    violations = [...run.stdout.matchAll(/^ {2}error (\S+): (\S+)/gm)].map(([, rule, from]) => ({ rule, from }));
  });
  afterAll(() => plot.remove());

  it.each(PLANTED)('refuses by %s: %s', (rule, file) => {
    expect(violations).toContainEqual({ rule, from: file });
  });

  it('fails the check', () => expect(status).not.toBe(0));

  it('has a planted import for every rule', () => {
    expect(new Set(PLANTED.map(([rule]) => rule))).toEqual(new Set(cruiser.forbidden.map(({ name }) => name)));
  });

  it('lets good imports pass', () => {
    const good = SOIL.map(([file]) => file).filter((file) => !file.includes('circle'));
    expect(violations.filter(({ from }) => from === undefined || good.includes(from))).toEqual([]);
  });
});

/** Installed packages by link, the workspaces' own ones to the plot. */
function linkPackages(plot: Plot): void {
  plot.plant('node_modules/@bulla/.keep', '');
  const installed = `${repository}/node_modules`;
  for (const name of readdirSync(installed)) {
    if (name !== '@bulla') symlinkSync(`${installed}/${name}`, `${plot.folder}/node_modules/${name}`);
  }
  for (const { name, folder } of workspaces()) {
    symlinkSync(`../../${folder}`, `${plot.folder}/node_modules/@bulla/${name}`);
  }
}
