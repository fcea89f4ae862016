import { CryptoError, strictParseBody } from '@bulla/crypto';
import type { BundleFolder } from './bundle-folder.js';
import { BundleIndex, evidencePath, INDEX_PATH, parseEvidence } from './bundle-format.js';
import type { LogSource } from '../log-source.js';

const INDEX_BYTES_MAX = 1024 * 1024;

/**
 * What a folder says that it holds; undefined where it holds no bundle.
 * @throws {CryptoError} token_malformed (bundle-form)
 */
export async function readIndex(folder: Pick<BundleFolder, 'read'>): Promise<BundleIndex | undefined> {
  const bytes = await folder.read(INDEX_PATH);
  if (bytes === undefined) return undefined;
  const read = BundleIndex.safeParse(strictParseBody(bytes, { maxBytes: INDEX_BYTES_MAX }));
  if (!read.success)
    throw new CryptoError('token_malformed', `${INDEX_PATH} is not that of exported logs`, { check: 'bundle-form' });
  return read.data;
}

/** A log as it lies in a folder. */
export function bundledLog(folder: Pick<BundleFolder, 'read'>, path: string): LogSource {
  return {
    read: (file) => folder.read(`${path}/${file}`),
    evidence: async (tile) => {
      const bytes = await folder.read(`${path}/${evidencePath(tile)}`);
      return bytes === undefined ? new Map() : parseEvidence(bytes);
    },
  };
}
