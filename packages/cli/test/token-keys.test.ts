import { writeFile } from 'node:fs/promises';
import type { TokenKey } from '@bulla/crypto';
import { generateKeyPair } from '@bulla/crypto';
import { committedKeyPair } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { World } from './world.js';

// What the command makes of keys in tokens, with a stand-in of what speaks PKCS#11.

const URI = 'pkcs11:token=bulla;object=vault?module-path=/lib.so&pin-source=file:/pin';
const HINT = 'look for it with: pkcs11-tool --module /lib.so --list-token-slots';
const AWAY = Object.assign(new Error('the token bulla, key vault: has no token of that label'), {
  exitCode: 1,
  hint: HINT,
});

let world: World;
let isAway = false;
const asked: string[] = [];
class StandInSigner {
  readonly #key: TokenKey;
  readonly place = 'vault in bulla';
  constructor(key: TokenKey) {
    this.#key = key;
  }
  look(): Promise<void> {
    asked.push(`look ${this.#key.pur.join('+')}`);
    return isAway ? Promise.reject(AWAY) : Promise.resolve();
  }
  retire(): void {
    asked.push('retire');
  }
}
/** Committed ones may all be taken by tests before this one. */
const newPair = async () => committedKeyPair('rsa3072', 'sig') ?? (await generateKeyPair('rsa3072', 'sig'));
const tokens = {
  async makeTokenKey(_uri: string, { suffix }: { modulusBits: number; suffix: string }) {
    asked.push(`make ${suffix}`);
    if (isAway) throw AWAY;
    return { jwk: (await newPair()).publicJwk, token: URI };
  },
  TokenSigner: StandInSigner,
};
beforeAll(async () => {
  world = await World.make();
  await (await world.up('organisation')).stop();
  const { load } = world;
  world.load = (name) => (name === '@bulla/service-kit/token' ? Promise.resolve(tokens) : load(name));
});
beforeEach(() => {
  isAway = false;
  asked.length = 0;
});
afterAll(() => world.remove());

const keysOf = (who: string) => world.path(`home/services/${who}.keys.json`);
const generate = (...options: string[]) => world.bulla(['keys', 'generate', world.path('new.json'), ...options]);

describe('a signing key in a token', () => {
  it.each([
    ['beside no others', ['--token', URI], /--token goes with --like FILE --signing/],
    ['for checkpoints', ['--like', 'x', '--checkpoint', '--token', URI], /--token goes with --like FILE --signing/],
  ])('is not made %s', async (_what, options, said) => {
    expect(await generate(...options)).toMatchObject({ code: 2, stderr: expect.stringMatching(said) });
    expect(asked).toEqual([]);
  });

  it('is of RSA: for other suites the command says how to get one', async () => {
    const { code, stderr } = await generate('--like', keysOf('vault'), '--signing', '--token', URI);
    expect(code).toBe(2);
    expect(stderr).toMatch(/keys in tokens are RSA keys, and these are of suite p256\n.*hint: add --suite rsa3072/);
    expect(asked).toEqual([]);
  });

  it('is not made where the token is away: no file is written, and the next command is told', async () => {
    isAway = true;
    const like = ['--like', keysOf('vault'), '--signing', '--suite', 'rsa3072', '--token', URI];
    const { code, stderr } = await generate(...like);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(`bulla: hint: ${HINT}`) });
    expect(asked).toEqual(['make ']);
    isAway = false;
    // No file is in the way.
    const made = await generate(...like);
    expect(made.stderr).toContain('made in the token: vault in bulla, for http, envelope\n');
    expect(asked.slice(1)).toEqual([
      'make ',
      'look http+envelope',
      'retire',
      'make -content',
      'look content',
      'retire',
    ]);
  });

  it('is looked at by doctor, which says what mends it', async () => {
    const { publicJwk: jwk, kid } = await newPair();
    const key = { kid, use: 'sig', alg: 'PS256', suite: 'rsa3072', pur: ['reply'], jwk, token: URI };
    const file = { v: 1, org: 'dev', urn: 'urn:bulla:dev:svc:responder:local', keys: [key] };
    await writeFile(keysOf('responder'), JSON.stringify(file), { mode: 0o600 });
    const found = async () =>
      (JSON.parse((await world.bulla(['doctor', '--json'])).stdout) as { name: string }[]).find(
        ({ name }) => name === 'responder key',
      );
    expect(await found()).toMatchObject({ ok: true, detail: 'vault in bulla, a token', data: { kid } });
    isAway = true;
    expect(await found()).toMatchObject({ ok: false, detail: AWAY.message, fix: HINT });
    expect(asked.filter((one) => one === 'retire')).toHaveLength(2);
  });
});
