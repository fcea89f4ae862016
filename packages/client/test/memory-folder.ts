import type { Bytes } from '@bulla/crypto';
import { decodeUtf8, utf8 } from '@bulla/crypto';
import type { BundleFolder } from '../src/audit/bundle/bundle-folder.js';

/** A folder in memory. */
export class MemoryFolder implements BundleFolder {
  readonly files = new Map<string, Bytes>();
  /** Paths in the order in which they were written. */
  readonly written: string[] = [];

  readonly has = (path: string): Promise<boolean> => Promise.resolve(this.files.has(path));
  readonly read = (path: string): Promise<Bytes | undefined> => Promise.resolve(this.files.get(path));
  readonly list = (path: string): Promise<string[]> =>
    Promise.resolve(
      [...this.files.keys()].filter((file) => file.startsWith(`${path}/`)).map((file) => file.slice(path.length + 1)),
    );
  readonly write = (path: string, bytes: Bytes): Promise<void> => {
    this.files.set(path, bytes);
    this.written.push(path);
    return Promise.resolve();
  };

  text(path: string): string {
    return decodeUtf8(this.files.get(path) ?? new Uint8Array());
  }

  /** Changes the text of a file. */
  change(path: string, change: (text: string) => string): void {
    this.files.set(path, utf8(change(this.text(path))));
  }
}
