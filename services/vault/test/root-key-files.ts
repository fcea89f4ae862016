import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderForTest } from '@bulla/testkit';

/** Where the root keys of a vault are: the first is there, the second where it is to come. */
export interface RootKeyFiles {
  readonly folder: string;
  readonly settings: { readonly current: string; readonly next: string };
  /** Puts the second key where the vault looks for it. */
  placeNext(): void;
  remove(): void;
}

/** Root keys in files, as `bulla keys generate --root` makes them. */
export function rootKeyFiles(): RootKeyFiles {
  const folder = folderForTest('root-keys');
  const paths = [join(folder, 'root.key'), join(folder, 'root-2.key')] as const;
  placeRootKey(paths[0]);
  return {
    folder,
    settings: { current: `file:${paths[0]}`, next: `file:${paths[1]}` },
    placeNext: () => placeRootKey(paths[1]),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Makes a file with a root key. */
export function placeRootKey(path: string, key: Uint8Array = randomBytes(32)): void {
  writeFileSync(path, `${Buffer.from(key).toString('base64url')}\n`, { mode: 0o600 });
}
