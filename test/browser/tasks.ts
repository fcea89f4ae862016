import { libraryPeer } from '@bulla/conformance/library';
import type { Fields, Request } from '@bulla/conformance';
import type { SuiteId } from '@bulla/crypto';
import { decodeBase64url, encodeBase64url, generateKeyPair } from '@bulla/crypto';
import { exportKeys, importPrivateKeys, keyMaterialOf } from '@bulla/crypto/key-files';
import { makeAlone } from './made-alone.js';
import type { MemberSuite } from './made-for-suite.js';
import { makeForSuite } from './made-for-suite.js';

const KEY_FORMATS = ['pem', 'der', 'jwk'] as const;

/** What a test has Node and Chromium do: the same code on both sides, given plain JSON and answering with it. */
export const tasks = {
  ask: ({ op, format, input }: { op: Request['op']; format?: string; input?: Fields }) =>
    libraryPeer.ask(op, format, input),
  makeForSuite: ({ suite }: { suite: MemberSuite }) => makeForSuite(suite),
  makeAlone: () => makeAlone(),
  /** A new private key in a file of each format, in base64url. */
  async makeKeyFiles({ suite, use }: { suite: SuiteId; use: 'sig' | 'enc' }) {
    const { kid, privateJwk } = await generateKeyPair(suite, use);
    const keys = [await keyMaterialOf(privateJwk, use)];
    const files: string[] = [];
    for (const format of KEY_FORMATS) files.push(encodeBase64url(await exportKeys(keys, { format, half: 'private' })));
    return { kid, files };
  },
  /** Names the keys of such files. */
  async readKeyFiles({ files }: { files: readonly string[] }) {
    const keys = await Promise.all(files.map((file) => importPrivateKeys(decodeBase64url(file))));
    return keys.flat().map(({ kid }) => kid);
  },
};

export type Tasks = typeof tasks;
