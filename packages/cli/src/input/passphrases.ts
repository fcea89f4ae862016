import { PassphraseError, passphraseOf } from '@bulla/client/node';
import type { Secret } from '@bulla/crypto';
import type { Asker } from './asker.js';
import type { Io } from '../io.js';
import { readSetting } from './settings.js';
import { UsageError } from './usage-error.js';

const CHARACTERS_MIN = 12;
/** How often a passphrase is asked for at a terminal. */
const TRIES = 3;
const UNATTENDED = 'give it on standard input, or in the file that BULLA_PASSPHRASE_FILE names';

/** Passphrases of locked files: from BULLA_PASSPHRASE(_FILE), or asked for, once for each file. */
export class Passphrases {
  readonly #io: Io;
  readonly #asker: Asker;
  readonly #known = new Map<string, Promise<string>>();
  readonly #wrong = new Map<string, number>();
  #given: { readonly text: string | undefined } | undefined;

  constructor(io: Io, asker: Asker) {
    this.#io = io;
    this.#asker = asker;
  }

  /**
   * The passphrase of a file that is locked.
   * @param wrong what the one met that was given before.
   * @throws {PassphraseError} if nobody can be asked; `wrong` if nobody can be asked again
   */
  async of(path: string, wrong?: Error): Promise<Secret> {
    if (wrong !== undefined) this.#requireAnother(path, wrong);
    const known = this.#known.get(path) ?? this.#read(path);
    this.#known.set(path, known);
    return passphraseOf(await known);
  }

  /** As `of`, where standard input may give it too: the command reads nothing else from there. */
  async given(path: string, wrong?: Error): Promise<Secret> {
    if (wrong !== undefined) this.#requireAnother(path, wrong);
    return passphraseOf(this.#setting() ?? (await this.#asker.hidden(this.#question(path), UNATTENDED)));
  }

  /** A new one; at a terminal it is asked for twice. @throws {UsageError} if it is short, or was typed in two ways */
  async chosen(path: string): Promise<Secret> {
    const text = this.#setting() ?? (await this.#asker.hidden(`new passphrase of ${path}:`, UNATTENDED));
    if (text.length < CHARACTERS_MIN) {
      throw new UsageError(
        `a passphrase has at least ${CHARACTERS_MIN} characters`,
        'six random words make a good one',
      );
    }
    if (this.#setting() === undefined && this.#asker.isTerminal && (await this.#asker.hidden('once more:')) !== text)
      throw new UsageError('the two passphrases differ: nothing was changed');
    return passphraseOf(text);
  }

  async #read(path: string): Promise<string> {
    const setting = this.#setting();
    if (setting !== undefined) return setting;
    // A pipe may carry variables or a prompt, which must not be taken for a passphrase.
    if (this.#asker.isTerminal) return this.#asker.hidden(this.#question(path));
    throw new PassphraseError(`${path} is locked and nobody can be asked; set BULLA_PASSPHRASE_FILE`);
  }

  /** Only a person at a terminal has another one, and not without end. */
  #requireAnother(path: string, wrong: Error): void {
    const tries = (this.#wrong.get(path) ?? 0) + 1;
    // guard: passphrase-tries
    if (tries >= TRIES || this.#setting() !== undefined || !this.#asker.isTerminal) throw wrong;
    this.#wrong.set(path, tries);
    this.#known.delete(path);
  }

  #question(path: string): string {
    return `${this.#wrong.has(path) ? 'that does not open it; ' : ''}passphrase of ${path}:`;
  }

  /** Read once: the file may be a pipe. */
  #setting(): string | undefined {
    this.#given ??= { text: readSetting(this.#io.env, 'BULLA_PASSPHRASE') };
    return this.#given.text;
  }
}
