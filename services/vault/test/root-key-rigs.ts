import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { findSoftHsm, folderForTest, SoftHsm, tokenProcesses } from '@bulla/testkit';
import { AwsRootKey, kmsPlace } from '../src/managed/root-key/aws-root-key.js';
import { isSdkInstalled, loadKmsSdk } from '../src/managed/root-key/aws-sdk.js';
import { openBaoPlace } from '../src/managed/root-key/openbao-place.js';
import { OpenBaoRequests } from '../src/managed/root-key/openbao-requests.js';
import { OpenBaoRootKey } from '../src/managed/root-key/openbao-root-key.js';
import { Pkcs11RootKey, rootPlace } from '../src/managed/root-key/pkcs11-root-key.js';
import type { RootKeyProvider } from '../src/managed/root-key/root-key-provider.js';
import { KmsStandIn } from './kms-stand-in.js';
import { OpenBaoStandIn } from './openbao-stand-in.js';
import type { StandIn } from './provider-stand-in.js';

// Where root keys are that never come into the vault, for tests that treat them badly.

export const files = { dataFolders: [], production: false };
export const CONTEXT = { org: 'acme', kek: 'kek:acme:7', kver: 7 };
/** Shorter than a service would wait, and longer than one that is slow. */
const TIMEOUT_MS = 800;
const SLOW_MS = 200;
/** A process takes its time to begin where others are at work. */
const TOKEN_TIMES = { openMs: 4 * TIMEOUT_MS, askMs: TIMEOUT_MS };

/** Where a kind of root key is. */
export interface Rig {
  /** What people are told of it. */
  readonly standIn: RegExp;
  /** A root key of a process that begins. */
  provider(key?: 'root' | 'other'): RootKeyProvider;
  /** Another key takes the place of the one that was there. */
  replaceKey(): void;
  /** Each gives what mends it. */
  down(): Promise<() => Promise<void>>;
  hang(): () => void;
  slow(): () => void;
  stop(): Promise<void>;
}

function served(server: StandIn): Pick<Rig, 'down' | 'hang' | 'slow' | 'stop'> {
  const behaving = (manner: StandIn['manner']) => () => {
    server.manner = manner;
    return () => void (server.manner = 'well');
  };
  return {
    async down() {
      await server.stop();
      return async () => void (await server.start());
    },
    hang: behaving('never'),
    slow: behaving('slowly'),
    stop: () => server.stop(),
  };
}

async function openBaoRig(): Promise<Rig> {
  const bao = new OpenBaoStandIn();
  await bao.server.start();
  for (const key of ['root', 'other']) bao.makeKey(`transit/${key}`);
  const tokenFile = join(folderForTest('openbao'), 'token');
  writeFileSync(tokenFile, `${bao.state.token}\n`, { mode: 0o600 });
  return {
    ...served(bao.server),
    standIn: /without TLS/,
    provider(key = 'root') {
      const place = openBaoPlace(`${bao.server.url}/transit/${key}?token-file=${tokenFile}`);
      return new OpenBaoRootKey(place, new OpenBaoRequests(place, files, TIMEOUT_MS / 2));
    },
    replaceKey: () => bao.makeKey('transit/root'),
  };
}

export const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const ARNS = { root: ARN, other: ARN.replace('1234abcd', 'dcba4321') } as const;
async function kmsRig(): Promise<Rig> {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIDOFTHETESTS';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'secret-of-the-tests';
  const kms = new KmsStandIn();
  await kms.server.start();
  for (const arn of Object.values(ARNS)) kms.makeKey(arn);
  return {
    ...served(kms.server),
    standIn: /not AWS/,
    provider: (key = 'root') =>
      new AwsRootKey(kmsPlace(`${ARNS[key]}?endpoint=${kms.server.url}`), loadKmsSdk(), TIMEOUT_MS),
    replaceKey: () => kms.makeKey(ARN),
  };
}

async function softHsmRig(): Promise<Rig> {
  const hsm = new SoftHsm(findSoftHsm() ?? '');
  process.env['SOFTHSM2_CONF'] = hsm.settings;
  for (const key of ['root', 'other']) hsm.makeKey(key);
  const signal = (name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL') => {
    for (const pid of tokenProcesses()) process.kill(pid, name);
  };
  return {
    standIn: /SoftHSM/,
    provider: (key = 'root') => new Pkcs11RootKey(rootPlace(hsm.place(key)), files, TOKEN_TIMES),
    replaceKey: () => hsm.makeKey('root'),
    async down() {
      signal('SIGKILL');
      hsm.takeAway();
      return async () => hsm.putBack();
    },
    hang() {
      // Those that are begun meanwhile hang as well.
      const stopping = setInterval(() => signal('SIGSTOP'), 5);
      signal('SIGSTOP');
      return () => {
        clearInterval(stopping);
        signal('SIGKILL');
      };
    },
    slow() {
      signal('SIGSTOP');
      setTimeout(() => signal('SIGCONT'), SLOW_MS);
      return () => {};
    },
    async stop() {
      signal('SIGKILL');
    },
  };
}

export const KINDS: readonly (readonly [title: string, isThere: boolean, make: () => Promise<Rig>])[] = [
  ['openbao, against a stand-in of its transit API', true, openBaoRig],
  ['aws, against a stand-in of the JSON protocol of KMS', isSdkInstalled(), kmsRig],
  ['pkcs11, on SoftHSM', findSoftHsm() !== undefined, softHsmRig],
];
export const describeWhere = (isThere: boolean) => (isThere ? describe : describe.skip);
