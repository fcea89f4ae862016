import { generateKeyPair, type KeyPair } from '@bulla/crypto';

/** Who writes to whom: everybody has an RSA-2048 key to sign with and another one to be sealed to. */
export interface Person {
  readonly sig: KeyPair;
  readonly enc: KeyPair;
}

export interface People {
  readonly alice: Person;
  readonly bob: Person;
  /** Signs what alice did not write. */
  readonly carol: Person;
}

export async function makePeople(): Promise<People> {
  const person = async (): Promise<Person> => ({
    sig: await generateKeyPair('rsa2048', 'sig'),
    enc: await generateKeyPair('rsa2048', 'enc'),
  });
  const [alice, bob, carol] = await Promise.all([person(), person(), person()]);
  return { alice, bob, carol };
}
