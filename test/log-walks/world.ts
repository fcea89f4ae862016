import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestClock } from '@bulla/service-kit/testing';
import type { KeyFile, Trust } from '@bulla/crypto';
import { newRowSecret, withNewRowSecret } from '@bulla/crypto';
import { encodeNoteKey, MARK_FOLDER_FILE, markFolderText } from '@bulla/crypto/log';
import type { LogKeys } from './log-keys.js';
import type { Snapshot } from './memory-tables.js';
import { MemoryTables } from './memory-tables.js';
import type { KeyFileState, Org, Planted } from './places.js';
import { ORGS, originIn, pinOf, urnOf } from './places.js';
import { Process } from './process.js';

export { ORGS, originIn, pinOf, urnOf };
export type { KeyFileState, Org, Planted };

/** The documents of an organisation, as far as logs go by them. */
interface Documents {
  readonly version: number;
  readonly issuedMs: number;
  readonly logs: readonly number[];
}

export interface WorldParts {
  readonly isWitnessed: boolean;
  readonly planted?: Planted | undefined;
  readonly skewMs: { readonly database: number; readonly readers: number };
}

/** What was copied of the service's machine, to be put back later. */
export interface Backup {
  readonly database?: Snapshot;
  readonly folder?: ReadonlyMap<string, string>;
  readonly keyFile?: KeyFileState;
}

const START_MS = Date.UTC(2026, 10, 1);

/** A vault with the logs of its organisations: its database, its key file and its folder of marks. */
export class World {
  readonly keys: LogKeys;
  readonly clock = new TestClock(START_MS);
  /** Milliseconds by which the clocks of the database and of those who read are off. */
  readonly skewMs: { readonly database: number; readonly readers: number };
  readonly tables = new MemoryTables(() => this.clock.nowMs() + this.skewMs.database);
  readonly folder: string;
  /** Whether the policies name a witness. */
  readonly isWitnessed: boolean;
  readonly planted: Planted | undefined;
  /** What services decided, and said so: by organisation, the texts of the leaves. */
  readonly honest = new Map<string, Set<string>>(ORGS.map((org) => [org, new Set()]));
  /** Of those, what went with a database that was restored, or was taken by somebody with SQL: no log can have it. */
  readonly taken = new Set<string>();
  /** First entries that signers made. */
  readonly begins = new Set<string>();
  keyFile: KeyFileState;
  process: Process;
  readonly #documents = new Map<string, Documents>();

  constructor(keys: LogKeys, folder: string, { isWitnessed, planted, skewMs }: WorldParts) {
    this.keys = keys;
    this.folder = folder;
    this.isWitnessed = isWitnessed;
    this.skewMs = skewMs;
    this.planted = planted;
    this.keyFile = { logs: [1], rows: [newRowSecret()] };
    this.setUpFolder();
    for (const org of ORGS) this.publish(org, [1]);
    this.process = new Process(this, folder);
  }

  /** The service stops and starts again, with what lies on its machine now. */
  restart(): void {
    this.process = new Process(this, this.folder);
  }

  /** What the command does that made a key: the folder is from now on that of the newest number of the key file. */
  setUpFolder(): void {
    mkdirSync(this.folder, { recursive: true });
    const [log = 1] = this.keyFile.logs;
    const { record } = this.keys.of(log);
    const keyFile = { urn: urnOf('acme'), keys: [record] } as unknown as KeyFile;
    writeFileSync(join(this.folder, MARK_FOLDER_FILE), markFolderText(keyFile));
  }

  publish(org: string, logs: readonly number[]): void {
    const { version = 0 } = this.#documents.get(org) ?? {};
    this.#documents.set(org, { version: version + 1, issuedMs: this.clock.nowMs(), logs });
  }

  /** Numbers whose keys the newest directory of an organisation lists. */
  listed(org: string): readonly number[] {
    return this.#documents.get(org)?.logs ?? [];
  }

  /** The newest documents, as everybody who fetches them verifies them. */
  trust(org: string): Trust {
    const { version, issuedMs, logs } = this.#documents.get(org) ?? { version: 1, issuedMs: START_MS, logs: [] };
    const records = logs.map((log) => this.keys.of(log).record);
    const [newest] = logs;
    const more = this.planted === 'keys of any number' ? records.map((record) => ({ ...record, log: newest })) : [];
    const entity = { urn: urnOf(org), kind: 'vault', keys: [...records, ...more] };
    const witnesses = { quorum: 1, keys: [encodeNoteKey(this.keys.witness.key)] };
    return {
      org,
      pin: pinOf(org),
      root: { roles: { directory: { threshold: 1 } } },
      policy: { version: 1, ...(this.isWitnessed && { witnesses }) },
      directory: { version, issued: new Date(issuedMs).toISOString() },
      directoryRef: { ver: version, hash: `${org} ${version}` },
      entity: (urn: string) => (urn === entity.urn ? entity : undefined),
      entitiesOf: (kind: string) => (kind === 'vault' ? [entity.urn] : []),
      isRevoked: () => false,
      holder: () => undefined,
    } as unknown as Trust;
  }

  /** `bulla trust renew --begin-logs`: a number above all that anybody knows. */
  beginLogs(known: readonly number[]): number {
    const number = Math.max(0, ...known, ...this.keyFile.logs, ...ORGS.flatMap((org) => this.listed(org))) + 1;
    const { rows } = withNewRowSecret({ rows: [...this.keyFile.rows] });
    this.keyFile = { logs: [number, ...this.keyFile.logs], rows };
    this.setUpFolder();
    this.restart();
    return number;
  }

  /** Copies what is asked for. */
  backUp(what: 'database' | 'folder' | 'keyFile'): Backup {
    if (what === 'database') return { database: this.tables.copy() };
    if (what === 'keyFile') return { keyFile: this.keyFile };
    const names = readdirSync(this.folder);
    return { folder: new Map(names.map((name) => [name, readFileSync(join(this.folder, name), 'utf8')])) };
  }

  /** Puts a copy back; the service was stopped for that. */
  putBack({ database, folder, keyFile }: Backup): void {
    if (database !== undefined) this.tables.restore(database);
    if (keyFile !== undefined) this.keyFile = keyFile;
    if (folder !== undefined) {
      rmSync(this.folder, { recursive: true, force: true });
      mkdirSync(this.folder);
      for (const [name, text] of folder) writeFileSync(join(this.folder, name), text);
    }
    this.restart();
  }
}
