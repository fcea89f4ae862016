import type { Bytes } from '@bulla/crypto';

/** A library, or a way of using it, that seals a message from one person to another and opens it again. */
export interface Variant<Sealed = unknown> {
  seal(payload: Bytes): Promise<Sealed>;
  /** The payload. @throws if anything is wrong with the message */
  open(sealed: Sealed): Promise<Uint8Array>;
  /** The same message with one bit changed. */
  spoil(sealed: Sealed): Sealed;
  /** A message that somebody else signed; absent where a signature says nothing about a sender. */
  readonly forge?: ((payload: Bytes) => Promise<Sealed>) | undefined;
  /** Opens a message and seals its payload back to the sender, who reads it. */
  readonly answer?: Answering<Sealed> | undefined;
}

interface Answering<Sealed> {
  make(sealed: Sealed): Promise<Sealed>;
  read(answer: Sealed): Promise<Uint8Array>;
}

/** One operation that is repeated while it is measured. */
export type Run = () => Promise<unknown>;

/** Messages that are opened in turn, so that no two openings in flight are of the same one. */
const MESSAGES = 16;

/**
 * What is measured of a variant with a payload, once it has been shown to do what it says.
 * @throws {Error} if it does not open what it sealed, or opens what it must not
 */
export async function operationsOf<Sealed>(variant: Variant<Sealed>, payload: Bytes): Promise<Record<string, Run>> {
  await check(variant, payload);
  const sealed = await Promise.all(Array.from({ length: MESSAGES }, () => variant.seal(payload)));
  let at = 0;
  const next = () => sealed[at++ % sealed.length] as Sealed;
  const { answer } = variant;
  return {
    seal: () => variant.seal(payload),
    open: () => variant.open(next()),
    ...(answer !== undefined && { answer: () => answer.make(next()) }),
  };
}

async function check<Sealed>(variant: Variant<Sealed>, payload: Bytes): Promise<void> {
  const sealed = await variant.seal(payload);
  requireSame(await variant.open(sealed), payload, 'what it sealed');
  await requireRefused(() => variant.open(variant.spoil(sealed)), 'what was changed');
  const { forge, answer } = variant;
  if (forge !== undefined) {
    const forged = await forge(payload);
    await requireRefused(() => variant.open(forged), 'what somebody else signed');
  }
  if (answer !== undefined) {
    const answered = await answer.make(sealed);
    requireSame(await answer.read(answered), payload, 'what it answered');
    await requireRefused(() => answer.read(variant.spoil(answered)), 'an answer that was changed');
  }
}

function requireSame(opened: Uint8Array, payload: Bytes, what: string): void {
  if (Buffer.compare(opened, payload) !== 0) throw new Error(`it does not open ${what}`);
}

async function requireRefused(open: Run, what: string): Promise<void> {
  const opened = await open().then(
    () => true,
    () => false,
  );
  if (opened) throw new Error(`it opens ${what}`);
}

/** A token with one character of its longest part changed, in the middle of it. */
export function spoilToken(token: string): string {
  const parts = token.split('.');
  const longest = parts.reduce((one, other) => (other.length > one.length ? other : one));
  const middle = token.indexOf(longest) + Math.floor(longest.length / 2);
  return `${token.slice(0, middle)}${token[middle] === 'A' ? 'B' : 'A'}${token.slice(middle + 1)}`;
}

/** Bytes with one bit changed, in the middle of them. */
export function spoilBytes(bytes: Uint8Array): Bytes {
  const spoiled = Uint8Array.from(bytes);
  const middle = Math.floor(bytes.length / 2);
  spoiled[middle] = (spoiled[middle] ?? 0) ^ 1;
  return spoiled;
}
