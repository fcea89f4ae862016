import { beforeAll, describe, expect, it } from '@jest/globals';
import { noteSigner, witnessSigner } from '../../test/note-signer.js';
import { encodeNoteKey, witnessKeyOf } from '../log/note-key.js';
import { witnessesOf } from './witnesses.js';

let first: string;
let second: string;
let ofLog: string;
/** Another name for the first key. */
let renamed: string;
beforeAll(async () => {
  const [one, other] = [await witnessSigner('witness.example/w1'), await witnessSigner('witness.example/w2')];
  [first, second] = [encodeNoteKey(one.key), encodeNoteKey(other.key)];
  ofLog = encodeNoteKey((await noteSigner('witness.example/w1')).key);
  renamed = encodeNoteKey(await witnessKeyOf('witness.example/w3', one.key.jwk));
});

const called = async (name: string) => encodeNoteKey((await witnessSigner(name)).key);
const read = (quorum: number, ...keys: string[]) => witnessesOf({ witnesses: { quorum, keys } });

describe('the witnesses of a policy', () => {
  it('are keys with names, and how many of them are asked for', async () => {
    const witnesses = await read(2, first, second);
    expect(witnesses?.quorum).toBe(2);
    expect(witnesses?.keys.map(({ name, signs }) => [name, signs])).toEqual([
      ['witness.example/w1', 'cosignature'],
      ['witness.example/w2', 'cosignature'],
    ]);
  });

  it('are none where the policy names none', async () => {
    expect(await witnessesOf({})).toBeUndefined();
  });

  it.each<[string, () => Promise<unknown>, string]>([
    [
      'a quorum larger than their number [guard: witnesses-quorum]',
      () => read(3, first, second),
      'a quorum of 3 asks for more witnesses than the 2 named',
    ],
    [
      'one name twice [guard: witnesses-names]',
      async () => read(1, first, await called('witness.example/w1')),
      'two of them have one name',
    ],
    ['one key twice [guard: witnesses-keys]', () => read(1, first, renamed), 'two of them have one key'],
    [
      'the origin of a log [guard: witnesses-origin]',
      async () => read(1, await called('URN:bulla:acme:svc:vault/audit/1')),
      'a witness is not called like a log',
    ],
    [
      'a name that a terminal shows as another [guard: witnesses-spelling]',
      async () => read(1, await called('witness.example/\u202Ew1')),
      'the name of a witness is a letter or digit, then letters, digits, . _ ~ / : and -, at most 128',
    ],
    ['a key that signs notes', () => read(1, ofLog), 'a note key of another type'],
    ['what is no key', () => read(1, 'witness.example/w1'), 'not a note key'],
    [
      'an id of another key',
      () => read(1, first.replace(/\+[0-9a-f]{8}\+/, '+00000000+')),
      'the id of a note key is not that of its name and key',
    ],
  ])('refuses %s', (_name, make, message) =>
    expect(make()).rejects.toMatchObject({ code: 'token_malformed', message: `witnesses: ${message}` }),
  );
});
