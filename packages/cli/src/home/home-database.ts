import { randomUUID } from 'node:crypto';
import type { Home } from '@bulla/client/node';
import { DEVELOPMENT_ORG, HomeError, readProfile } from '@bulla/client/node';
import * as z from 'zod';
import type { FoundDatabase } from './standalone-package.js';
import { EXIT } from '../output/exit-code.js';

/** The mark of the database that a home works with, and where that was when it was last seen. */
const FILE = 'database.id';
/** What homes had before there were marks: only that it is there still says something. */
const FORMER_FILE = 'database';

const Kept = z.strictObject({ id: z.string().min(1).max(64), place: z.string().max(1_024) });

/** The database is not the one that this home works with. */
export class AnotherDatabaseError extends Error {
  override readonly name = 'AnotherDatabaseError';
  readonly exitCode = EXIT.conflict;
  /** The way out. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * Which database belongs to a home folder: both bear the same random mark, so that neither an empty database nor that of
 * another home is taken for it (docs/decisions/2026-11-28-database-marks.md).
 */
export class HomeDatabase {
  readonly #home: Home;
  readonly #accepts: boolean;
  #recognised: z.infer<typeof Kept> | undefined;
  #isAnother = false;

  /** @param accepts whether a database that is another than before is what the person wants. */
  constructor(home: Home, { accepts }: { readonly accepts: boolean }) {
    this.#home = home;
    this.#accepts = accepts;
  }

  /** Whether the home worked with another database until now, and shall work with this one. */
  get isAnother(): boolean {
    return this.#isAnother;
  }

  /**
   * Decides whether a database is the one of this home. A home, or a database, from before there were marks gets one.
   * @returns the mark that the database bears from now on
   * @throws {AnotherDatabaseError} where it is not; {HomeError}
   */
  async recognise({ place, mark, pinOf }: FoundDatabase): Promise<string> {
    const pin = await pinOf(DEVELOPMENT_ORG);
    // guard: home-organisation
    if (pin !== undefined && pin !== (await this.#pin())) throw this.#foreign(place, pin);
    const before = await this.#read();
    const isOther = before === undefined ? pin === undefined && (await this.#hadOne()) : before.id !== mark;
    // guard: home-database
    if (isOther && !this.#accepts) throw this.#changed(place, before?.place);
    this.#isAnother = isOther;
    this.#recognised = { id: mark ?? randomUUID(), place };
    return this.#recognised.id;
  }

  /** The database in words. */
  get name(): string {
    return named(this.#recognised?.place ?? 'embedded');
  }

  /**
   * Keeps what was recognised. This comes last, when the database bears it too and labels of another one are forgotten.
   * If a start is interrupted before that, the next start decides anew.
   */
  async remember(): Promise<void> {
    const kept = this.#recognised;
    if (kept === undefined) return;
    const before = await this.#read();
    if (before?.id !== kept.id || before.place !== kept.place)
      await this.#home.write(FILE, `${JSON.stringify(kept)}\n`);
    await this.#home.remove(FORMER_FILE);
  }

  async #read(): Promise<z.infer<typeof Kept> | undefined> {
    const text = await this.#home.read(FILE);
    if (text === undefined) return undefined;
    try {
      return Kept.parse(JSON.parse(text));
    } catch {
      throw new HomeError(
        `${this.#home.path(FILE)} cannot be read; restore it, or remove it to take the database as it is`,
      );
    }
  }

  /** Where the database was when this home worked with it last; undefined where it has none yet. */
  async lastPlace(): Promise<string | undefined> {
    return (await this.#read())?.place;
  }

  async #hadOne(): Promise<boolean> {
    return (await this.#home.read(FORMER_FILE)) !== undefined;
  }

  /** Of the organisation in this home, if it is of `bulla up`. */
  async #pin(): Promise<string | undefined> {
    const profile = await readProfile(this.#home);
    return profile?.org === DEVELOPMENT_ORG ? profile.pin : undefined;
  }

  #changed(place: string, before: string | undefined): AnotherDatabaseError {
    const { folder } = this.#home;
    const isElsewhere = before !== undefined && before !== place;
    const back = before === 'embedded' ? 'unset BULLA_DATABASE_URL' : 'set BULLA_DATABASE_URL as it was';
    return new AnotherDatabaseError(
      isElsewhere
        ? `${folder} worked with ${named(before)} until now, and this is ${named(place)}`
        : `${named(place)} is not the one that ${folder} worked with until now: it is empty, or another`,
      `${before === place ? 'restore it from a backup' : back}; if the change is meant: bulla up --database-changed (prompts are not moved)`,
    );
  }

  #foreign(place: string, pin: string): AnotherDatabaseError {
    return new AnotherDatabaseError(
      `${named(place)} belongs to another home folder: its organisation ${DEVELOPMENT_ORG} has the pin ${pin}, whose keys are not in ${this.#home.folder}`,
      'set BULLA_HOME to the folder that it belongs to, or BULLA_DATABASE_URL to an empty database',
    );
  }
}

function named(place: string): string {
  return place === 'embedded' ? 'the embedded database' : `the database ${place}`;
}
