import type { TokenPlace } from './token-place.js';

type Words = readonly [what: string, mend: (place: TokenPlace) => string, exitCode?: 78];

const toolOf = ({ module }: TokenPlace) => `pkcs11-tool --module ${module}`;
const lookFor: Words[1] = (place) => `look for it with: ${toolOf(place)} --list-token-slots`;
const lookInto: Words[1] = (place) =>
  `see what is in it: ${toolOf(place)} --login --token-label ${place.token} --list-objects`;
const makeOne: Words[1] = () => 'make one with: bulla keys generate NEW --like FILE --signing --token URI';
const comeBack: Words[1] = () => 'see that the token and its daemon run, then start again';

/** By the words of a token process: what is wrong, what mends it, and 78 where waiting does not. */
const WORDS: Readonly<Record<string, Words>> = {
  no_binding: ['what speaks PKCS#11 is not built here', () => 'build it with: npm run build:token', 78],
  no_token: ['has no token of that label', lookFor],
  no_object: ['has no key of that label', lookInto, 78],
  two_objects: ['has two keys of that label', lookInto, 78],
  object_there: ['has a key of that label already', () => 'choose another object in the URI', 78],
  not_rsa: ['has a key of that label that is not an RSA key', makeOne, 78],
  not_signing: ['has a key of that label that may not sign', makeOne, 78],
  leaves: ['has a key of that label that may leave the token', makeOne, 78],
  other_key: ['has another key of that label than the file says', lookInto, 78],
  login: ['could not be logged into', comeBack],
  pin: [
    'refused the PIN; it is not tried again before its file changes',
    ({ pinFile }) => `write the right PIN into ${pinFile}`,
    78,
  ],
  nonsense: ['answered something else than its interface says', comeBack],
  pin_file: ['was not asked', ({ pinFile }) => `mend the file of the PIN: ${pinFile}`, 78],
  late: ['did not answer in time', comeBack],
  ended: ['ended unexpectedly', comeBack],
};

/** Why a token did not do what it was asked: neither a PIN nor anything of a key is in it. */
export class TokenFault extends Error {
  override readonly name = 'TokenFault';
  /** For logs. */
  readonly code: string;
  /** What mends it. */
  readonly hint: string;
  /** What a process ends with that needs the token to begin: 78 where waiting alone does not help. */
  readonly exitCode: 1 | 78;

  /**
   * @param word of a token process, or the name of a return value of PKCS#11
   * @param reason why, where the word does not say it
   */
  constructor(word: string, place: TokenPlace, reason?: string) {
    const [what, mend, exitCode = 1] = WORDS[word] ?? [`answered ${word}`, comeBack];
    super(`the token ${place.token}, key ${place.object}: ${what}${reason === undefined ? '' : `: ${reason}`}`);
    this.code = `token_${word}`;
    this.hint = mend(place);
    this.exitCode = exitCode;
  }
}
