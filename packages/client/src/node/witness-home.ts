import { generateKeyPair, requireWitnessName, strictParseBody, utf8 } from '@bulla/crypto';
import type { WitnessSigner } from '@bulla/crypto/log';
import { encodeNoteKey, parseWitnessKey, witnessKeyOf } from '@bulla/crypto/log';
import * as z from 'zod';
import type { ForkEvidence, WitnessMemory, WitnessState } from '../witnesses/witness.js';
import type { Home, Release } from './home/home.js';
import { HomeError } from './home/home.js';
import { findDocumentSigner } from './organisation/document-key.js';

const KEY = 'witness.key';
const STATE = 'witness.json';
const STATE_MAX_BYTES = 16 * 1024 * 1024;
const NEW_WITNESS = 'or make a new witness: bulla audit witness --init NAME';

const StateFile = z.strictObject({
  v: z.literal(1),
  /** The verifier key: whose state it is. */
  key: z.string(),
  logs: z.array(z.strictObject({ origin: z.string(), checkpoint: z.string() })),
});

/** The folder of a witness: its key, what it signed last of each log, and what contradicted that. */
export class WitnessHome implements WitnessMemory {
  readonly signer: WitnessSigner;
  readonly #home: Home;

  private constructor(home: Home, signer: WitnessSigner) {
    this.#home = home;
    this.signer = signer;
  }

  /**
   * Makes a witness in a folder that has none.
   * @param name as policies spell it.
   * @returns its verifier key, which the policy is to name
   * @throws {CryptoError} token_malformed for the name; {HomeError} if there is a witness
   */
  static async make(home: Home, name: string): Promise<string> {
    requireWitnessName(name);
    // guard: witness-other
    for (const file of [KEY, STATE])
      if ((await home.read(file)) !== undefined)
        throw new HomeError(`${home.path(file)} is there already: one folder is of one witness`);
    const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
    const key = encodeNoteKey(await witnessKeyOf(name, publicJwk));
    await home.write(STATE, stateText(key, new Map()));
    await home.write(KEY, `${JSON.stringify(privateJwk)}\n`);
    return key;
  }

  /**
   * The witness of a folder.
   * @throws {HomeError} if there is none, or its state is not there or that of another key
   */
  static async open(home: Home): Promise<WitnessHome> {
    const signer = await findDocumentSigner(home, KEY);
    if (signer === undefined)
      throw new HomeError(`there is no witness in ${home.folder}; make one: bulla audit witness --init NAME`);
    const { key } = await readState(home);
    const witness = await parseWitnessKey(key);
    // guard: witness-state-key
    if (encodeNoteKey(await witnessKeyOf(witness.name, signer.publicJwk)) !== key)
      throw new HomeError(`${home.path(STATE)} is the state of another key; bring its own back, ${NEW_WITNESS}`);
    return new WitnessHome(home, { key: witness, signer });
  }

  /** Keeps other processes from signing by this key. @throws {HomeError} naming the holder */
  lock(): Promise<Release> {
    return this.#home.lock('witness.lock', 0);
  }

  readonly read = async (): Promise<WitnessState> => (await readState(this.#home)).state;

  readonly write = (state: WitnessState): Promise<void> =>
    this.#home.write(STATE, stateText(encodeNoteKey(this.signer.key), state));

  readonly keepEvidence = async ({ origin, checkpoints }: ForkEvidence): Promise<string> => {
    const sizes = checkpoints.map((note) => note.split('\n')[1] ?? '').join('-');
    const name = `contradictions/${origin.replaceAll(/[^a-z0-9]/g, '-')}-${sizes}.json`;
    await this.#home.write(name, `${JSON.stringify({ v: 1, origin, checkpoints }, null, 2)}\n`);
    return this.#home.path(name);
  };
}

function stateText(key: string, state: WitnessState): string {
  const logs = [...state].map(([origin, checkpoint]) => ({ origin, checkpoint }));
  return `${JSON.stringify({ v: 1, key, logs }, null, 2)}\n`;
}

async function readState(home: Home): Promise<{ readonly key: string; readonly state: WitnessState }> {
  const text = await home.read(STATE);
  // guard: witness-state
  if (text === undefined)
    throw new HomeError(
      `${home.path(STATE)} is not there: without what this key has signed it could sign two logs that contradict each other; bring the file back, ${NEW_WITNESS}`,
    );
  const read = StateFile.safeParse(parsed(text));
  if (!read.success)
    throw new HomeError(`${home.path(STATE)} is not the state of a witness; bring it back, ${NEW_WITNESS}`);
  const { key, logs } = read.data;
  return { key, state: new Map(logs.map(({ origin, checkpoint }) => [origin, checkpoint])) };
}

function parsed(text: string): unknown {
  try {
    return strictParseBody(utf8(text), { maxBytes: STATE_MAX_BYTES });
  } catch {
    return undefined;
  }
}
