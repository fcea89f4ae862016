import type { Bytes } from '@bulla/crypto';
import { type Holding, holdingOf } from './holding.js';
import { makeParts } from './parts.js';
import { type Profile, profileOf } from './profile.js';
import { repeat, type Stretch } from './repeat.js';
import { operationsOf, type Run, type Variant } from './variant.js';
import { VARIANTS, type VariantName } from './variants.js';

// One variant in a process of its own, so that no two share what the compiler learnt, a heap or a pool of threads. It says
// when it is ready, then does what it is told.

/** What a child can be asked for. */
export interface Commands {
  readonly repeat: { readonly concurrency: number; readonly seconds: number };
  readonly profile: { readonly concurrency: number; readonly seconds: number };
  readonly holding: { readonly calls: number };
}
export interface Replies {
  readonly repeat: Stretch;
  readonly profile: Profile;
  readonly holding: Holding;
}
/** What is done again and again, with payloads of so many bytes. */
export interface Subject {
  readonly operation: string;
  readonly bytes: number;
}
export type Command = { [Kind in keyof Commands]: { kind: Kind } & Commands[Kind] }[keyof Commands] & Subject;

const [, , name = '', ...sizes] = process.argv;
const prepare = await preparing();
const operations = new Map<number, Record<string, Run>>();
for (const bytes of sizes.map(Number)) operations.set(bytes, await prepare(payloadOf(bytes)));
process.on('message', (command: Command) => {
  void answer(command).then(
    (reply) => process.send?.({ reply }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.send?.({ reply: 'ready' });

/** Keys are made once, whatever the size of a payload. */
async function preparing(): Promise<(payload: Bytes) => Promise<Record<string, Run>>> {
  if (name !== 'parts') {
    const { make }: { make: () => Promise<Variant> } = VARIANTS[name as VariantName];
    const variant = await make();
    return (payload) => operationsOf(variant, payload);
  }
  return async (payload) => {
    const parts = await makeParts(payload);
    for (const run of Object.values(parts)) await run();
    return parts;
  };
}

async function answer(command: Command): Promise<Replies[keyof Replies]> {
  const run = operations.get(command.bytes)?.[command.operation];
  if (run === undefined) throw new Error(`${name} has no ${command.operation} of ${command.bytes} bytes`);
  if (command.kind === 'repeat') return repeat(run, command.concurrency, command.seconds);
  if (command.kind === 'profile') return profileOf(run, command.concurrency, command.seconds);
  return holdingOf(run, command.calls);
}

/** Printable, since a question holds text, and of no pattern. */
function payloadOf(bytes: number): Bytes {
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(bytes)));
  return Uint8Array.from(Buffer.from(random.toString('base64url').slice(0, bytes), 'latin1'));
}
