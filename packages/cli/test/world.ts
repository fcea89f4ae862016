import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Readable, Writable } from 'node:stream';
import { Home, prepareDevelopment } from '@bulla/client/node';
import { databaseForTest, folderForTest, placePglite, type TestDatabase } from '@bulla/testkit';
import type { Io } from '../src/io.js';
import { run } from '../src/program.js';

/** What a command printed and how it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Collects what is written, and tells when some text has come. */
export class Sink extends Writable {
  text = '';
  isTTY = false;
  readonly #waiting: { part: string; resolve: () => void }[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    for (const { part, resolve } of this.#waiting) if (this.text.includes(part)) resolve();
    done();
  }

  holds(part: string): Promise<void> {
    if (this.text.includes(part)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ part, resolve }));
  }
}

/** A folder, an environment and a home of their own, in which commands run inside this process. */
export class World {
  readonly folder: string;
  env: Record<string, string | undefined>;
  fetch: typeof fetch = fetch;
  load: Io['load'] = (name) => import(name);
  isTerminal = false;
  readonly #isEmbedded: boolean;
  #database: TestDatabase | undefined;

  private constructor(folder: string, isEmbedded: boolean) {
    this.folder = folder;
    this.#isEmbedded = isEmbedded;
    this.env = {
      BULLA_HOME: join(folder, 'home'),
      BULLA_VAULT_PORT: '0',
      BULLA_RESPONDER_PORT: '0',
      BULLA_METRICS_PORT: '0',
      BULLA_LOG_LEVEL: 'silent',
      // Commands within one process ask more in a second than commands of a person.
      BULLA_LIMIT_KEY_PER_SECOND: '10000',
    };
  }

  /**
   * A world whose services keep their data on the server of the run, where there is one: PostgreSQL takes a tenth of the
   * processor time that the embedded one takes. `embedded` for tests that it means something to.
   */
  static async make(database: 'any' | 'embedded' = 'any'): Promise<World> {
    return new World(folderForTest('cli'), database === 'embedded');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async file(name: string, text: string | Uint8Array): Promise<string> {
    await writeFile(this.path(name), text);
    return this.path(name);
  }

  /**
   * Runs a command to its end; `atTerminal` also where it is asked and answers, of so many `columns` where that matters. In
   * another `home` folder where one is named.
   */
  async bulla(
    argv: readonly string[],
    {
      stdin = '',
      signal = new AbortController().signal,
      atTerminal = false,
      columns,
      home,
    }: {
      readonly stdin?: string;
      readonly signal?: AbortSignal;
      readonly atTerminal?: boolean;
      readonly columns?: number;
      readonly home?: string;
    } = {},
  ): Promise<Ended> {
    const { io, stdout, stderr } = this.#io(stdin, signal, home);
    if (atTerminal) for (const stream of [io.stdin, stdout, stderr]) Object.assign(stream, { isTTY: true, columns });
    const code = await run(argv, io);
    return { code, stdout: stdout.text, stderr: stderr.text };
  }

  /** Runs a command that must succeed. Throws with what it said if it does not. */
  async done(argv: readonly string[], options: Parameters<World['bulla']>[1] = {}): Promise<Ended> {
    const ended = await this.bulla(argv, options);
    if (ended.code !== 0) throw new Error(`bulla ${argv.join(' ')} ended with ${ended.code}: ${ended.stderr}`);
    return ended;
  }

  /** `bulla trust accept` of a service whose new key file is in its place, and which may not have seen it yet. */
  async accepted(argv: readonly string[]): Promise<Ended> {
    for (;;) {
      const ended = await this.bulla(['trust', 'accept', ...argv]);
      if (ended.code === 0) return ended;
      if (!ended.stderr.includes('its new key file is not in place')) throw new Error(ended.stderr);
      await pause(100);
    }
  }

  /** Starts a command that runs until it is stopped, in another home folder where one is named. */
  start(argv: readonly string[], home?: string): Running {
    const ending = new AbortController();
    const { io, stdout, stderr } = this.#io('', ending.signal, home);
    return new Running(run(argv, io), stdout, stderr, ending);
  }

  /**
   * Starts the services and waits until they are ready. Where the first start is not what is tested, it can be shortened:
   * by a database that is there already (`database`), and by an organisation of p256 as well (`organisation`).
   */
  async up(
    there: 'nothing' | 'database' | 'organisation' = 'nothing',
    options: readonly string[] = [],
  ): Promise<Running> {
    const home = this.path('home');
    const isNew = !existsSync(home);
    // A test that has named one of its own keeps it.
    const isNamed = this.#database === undefined && this.env['BULLA_DATABASE_URL'] !== undefined;
    if (isNew && !this.#isEmbedded && !isNamed) await this.#takeDatabase();
    for (;;) {
      if (!existsSync(home) && there !== 'nothing') await prepareHome(home, there, this.env['BULLA_DATABASE_URL']);
      const running = this.start(['up', ...options]);
      const ready = options.includes('--json') ? '"state": "ready"' : 'bulla: ready';
      await Promise.race([running.stdout.holds(ready), running.ended.then(() => undefined)]);
      if (running.stdout.text.includes(ready)) return running;
      // A port that it found free may be given to another test before it listens: it says itself to start again.
      if (!running.stderr.text.includes('a port was taken by another program while Bulla started'))
        throw new Error(`it did not start: ${running.stderr.text}`);
      // A server has the organisation of this home already.
      if (isNew && this.env['BULLA_DATABASE_URL'] === undefined) await rm(home, { recursive: true });
    }
  }

  async remove(): Promise<void> {
    await this.#database?.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** An empty one for a home that is new. */
  async #takeDatabase(): Promise<void> {
    await this.#database?.drop();
    this.#database = await databaseForTest();
    const { url } = this.#database;
    // Few of its connections are used at a time, and a server has a hundred for all tests.
    if (url !== undefined) Object.assign(this.env, { BULLA_DATABASE_URL: url, BULLA_DATABASE_POOL: '4' });
  }

  #io(stdin: string, signal: AbortSignal, home = this.env['BULLA_HOME']): { io: Io; stdout: Sink; stderr: Sink } {
    const [stdout, stderr] = [new Sink(), new Sink()];
    stdout.isTTY = this.isTerminal;
    stderr.isTTY = this.isTerminal;
    const input = Readable.from([Buffer.from(stdin)]);
    return {
      io: {
        stdin: input,
        stdout,
        stderr,
        env: { ...this.env, BULLA_HOME: home },
        signal,
        fetch: this.fetch,
        load: this.load,
      },
      stdout,
      stderr,
    };
  }
}

async function prepareHome(folder: string, there: 'database' | 'organisation', databaseUrl?: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  if (databaseUrl === undefined) placePglite(join(folder, 'pglite'));
  if (there === 'database') return;
  const nowhere = { vaultUrl: 'http://127.0.0.1:1', responderUrl: 'http://127.0.0.1:2' };
  await prepareDevelopment(new Home(folder), { ...nowhere, now: Math.floor(Date.now() / 1000), suite: 'p256' });
}

export class Running {
  readonly ended: Promise<number>;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly #ending: AbortController;

  constructor(ended: Promise<number>, stdout: Sink, stderr: Sink, ending: AbortController) {
    this.ended = ended;
    this.stdout = stdout;
    this.stderr = stderr;
    this.#ending = ending;
  }

  /** Ends it as SIGTERM does, and again, as it arrives in a process group. */
  async stop(): Promise<number> {
    this.#ending.abort(new Error('SIGTERM'));
    this.#ending.abort(new Error('SIGTERM'));
    return this.ended;
  }

  /** The address that the ready line states after a word. */
  url(service: 'vault' | 'responder'): string {
    return new RegExp(`${service} (http://[^ ]+)`).exec(this.stdout.text)?.[1] ?? '';
  }
}
