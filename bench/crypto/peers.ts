import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The libraries that are measured beside ours. They have a lock file of their own and are installed for this bench alone;
 * a clone compiles without them, so each adapter says itself what it calls.
 */
export const PEERS = ['jose', 'node-jose', '@aws-crypto/client-node', 'openpgp', 'age-encryption', 'hpke'] as const;
export type PeerName = (typeof PEERS)[number];

/** This file runs from bench/dist/bench/crypto. */
const FOLDER = resolve(import.meta.dirname, '../../../crypto/peers');

export interface Peer {
  readonly name: PeerName;
  readonly version: string;
  readonly licence: string;
}

/** A peer's exports; who calls it says what of them it uses. */
export async function loadPeer<Exports>(name: PeerName): Promise<Exports> {
  const { load } = (await import(pathToFileURL(`${FOLDER}/load.mjs`).href)) as {
    load: (name: string) => Promise<Exports>;
  };
  return load(name);
}

/** Which peers are installed. @throws {Error} if one is not */
export function installedPeers(): Peer[] {
  return PEERS.map((name) => {
    const file = `${FOLDER}/node_modules/${name}/package.json`;
    if (!existsSync(file)) throw new Error(`${name} is not installed: run this bench by npm run bench:crypto`);
    const { version, license } = JSON.parse(readFileSync(file, 'utf8')) as { version: string; license: string };
    return { name, version, licence: license };
  });
}
