import * as z from 'zod';
import { LOSS_KINDS } from '../audit/loss/log-loss.js';
import type { TrustChange, TrustState, TrustStore } from '../trust/trust-store.js';
import type { Home } from './home/home.js';
import { HomeError } from './home/home.js';

const NAME = 'trust.json';
const LOCK_WAIT_MS = 10_000;

const Seen = z.strictObject({ version: z.int(), hash: z.string() });
const Tuple = z.strictObject({ sub: z.string(), ver: z.int(), chash: z.string(), prev: z.string() });
const Remembered = z.union([
  Tuple.extend({
    label: z.string(),
    seq: z.int(),
    pos: z.string(),
    tags: z.array(z.string()),
    until: z.int(),
    tuples: z.array(Tuple),
    adopted: z.int().exactOptional(),
    vouched: z.boolean().exactOptional(),
  }),
  z.strictObject({ label: z.string(), seq: z.int() }),
  // As it was written before positions had a hash.
  z.tuple([z.string(), z.int()]).transform(([label, seq]) => ({ label, seq })),
]);
const Fork = z.strictObject({
  name: z.string(),
  label: z.string(),
  at: z.int(),
  remembered: z.array(z.string()),
  shown: z.array(z.string()),
});
const Fields = z.record(z.string(), z.string());
const Answer = z.strictObject({
  method: z.string(),
  url: z.string(),
  request: Fields,
  status: z.int(),
  headers: Fields,
  body: z.string(),
});
const Signed = z.strictObject({
  kind: z.enum(['root', 'policy', 'directory']),
  version: z.int(),
  hash: z.string(),
  until: z.int(),
  token: z.string().exactOptional(),
  enrolment: z.string().exactOptional(),
  refused: Answer.exactOptional(),
});
const Tree = z.tuple([z.int(), z.string()]).nullable();
const Accepted = z.strictObject({
  kind: z.enum(LOSS_KINDS),
  origin: z.string(),
  known: Tree,
  shown: Tree,
  index: z.int().exactOptional(),
  at: z.int(),
});
const StateFile = z.strictObject({
  pin: z.string(),
  documents: z.strictObject({
    roots: z.array(z.string()).min(1),
    policy: z.string(),
    directory: z.string(),
    fresh: z.array(z.string()).exactOptional(),
  }),
  memory: z.strictObject({
    root: Seen,
    policy: Seen,
    directory: Seen.extend({ chain: z.string().exactOptional() }),
    hashes: z.array(z.string()).exactOptional(),
    revoked: z.array(z.strictObject({ kid: z.string(), end: z.int().exactOptional() })),
    withdrawn: z.array(z.strictObject({ sub: z.string(), below: z.int() })),
  }),
  fetchedAt: z.int(),
  names: z.array(
    z.tuple([
      z.string(),
      z.strictObject({
        sub: z.string(),
        labels: z.array(Remembered),
        contents: z.array(z.tuple([z.int(), z.string()])),
      }),
    ]),
  ),
  forks: z.array(Fork).exactOptional(),
  opened: z.array(z.tuple([z.string(), z.int(), z.string()])).exactOptional(),
  heads: z.array(z.tuple([z.string(), z.int(), z.string()])).exactOptional(),
  told: z.array(z.string()).exactOptional(),
  accepted: z.array(Accepted).exactOptional(),
  signed: z.array(Signed).exactOptional(),
});
/** Organisations and their states as pairs, in one file; of one name there may be several, each under a pin of its own. */
const TrustFile = z.array(z.tuple([z.string(), StateFile]));
type TrustFile = z.infer<typeof TrustFile>;

/** Trust in a file of the home folder, shared by commands that run at the same time. */
export class FileTrustStore implements TrustStore {
  readonly #home: Home;
  readonly #name: string;

  /** @param name of the file; a renewer keeps a memory of its own beside that of the device. */
  constructor(home: Home, name = NAME) {
    this.#home = home;
    this.#name = name;
  }

  async load(org: string, pin: string): Promise<TrustState | undefined> {
    return stateOf(await this.#read(), org, pin);
  }

  async update(org: string, pin: string, change: TrustChange): Promise<TrustState> {
    const release = await this.#home.lock(this.#name.replace(/json$/, 'lock'), LOCK_WAIT_MS);
    try {
      const file = await this.#read();
      const current = stateOf(file, org, pin);
      const next = await change(current);
      const others = file.filter(([key, state]) => key !== org || state.pin !== pin);
      if (next !== current) await this.#home.write(this.#name, `${JSON.stringify([...others, [org, next]])}\n`);
      return next;
    } finally {
      await release();
    }
  }

  async #read(): Promise<TrustFile> {
    const text = await this.#home.read(this.#name);
    if (text === undefined) return [];
    try {
      return TrustFile.parse(JSON.parse(text));
    } catch {
      // Starting anew would forget what must not be forgotten, so a person decides.
      throw new HomeError(
        `${this.#home.path(this.#name)} cannot be read; restore it, or remove it to trust the pinned root anew`,
      );
    }
  }
}

function stateOf(file: TrustFile, org: string, pin: string): TrustState | undefined {
  return file.find(([key, state]) => key === org && state.pin === pin)?.[1];
}
