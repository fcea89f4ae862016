import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { KeyFile, TokenKey } from '@bulla/crypto';
import { isSignatureOf, keyThumbprint, suite, utf8 } from '@bulla/crypto';
import { findSoftHsm, SoftHsm, tokenProcesses } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { KeyFileWatch } from '../src/authentication/key-file-watch.js';
import { ServiceKeys } from '../src/authentication/service-keys.js';
import { EventLog } from '../src/observe/event-log.js';
import { makeTokenKey } from '../src/token/make-token-key.js';
import type { TokenTimes } from '../src/token/token-session.js';
import { TokenSigner } from '../src/token/token-signer.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// Signing keys of services that never leave a token.

const { modulusBits = 0 } = suite('rsa2048');
/** A process takes its time to begin where others are at work. */
const TIMES = { openMs: 8_000, askMs: 1_500 };
const where = findSoftHsm() === undefined ? describe.skip : describe;

where('a signing key in SoftHSM, which stands in for hardware', () => {
  let hsm: SoftHsm;
  let key: TokenKey;
  let signer: TokenSigner;
  const opened: TokenSigner[] = [];
  const uri = (object: string) => `pkcs11:${hsm.place(object)}`;
  const open = (changes: Partial<TokenKey> = {}, times: TokenTimes = TIMES) => {
    const one = new TokenSigner({ ...key, ...changes }, times);
    opened.push(one);
    return one;
  };
  const keyAt = async (object: string): Promise<TokenKey> => {
    const made = await makeTokenKey(uri(object), { modulusBits, suffix: '' });
    const kid = await keyThumbprint(made.jwk);
    return { kid, use: 'sig', alg: 'PS256', suite: 'rsa2048', pur: ['http', 'envelope'], ...made };
  };
  const isSigned = async (text: string, by = signer) => isSignatureOf(key, utf8(text), await by.sign(utf8(text)));
  const signal = (name: 'SIGSTOP' | 'SIGKILL' | 'SIGTERM' | 'SIGINT') => {
    for (const pid of tokenProcesses()) process.kill(pid, name);
  };
  beforeAll(async () => {
    hsm = new SoftHsm(findSoftHsm() ?? '');
    process.env['SOFTHSM2_CONF'] = hsm.settings;
    key = await keyAt('vault');
    signer = open();
  });
  afterEach(() => {
    for (const one of opened.filter((other) => other !== signer)) one.retire();
  });
  afterAll(() => signer.retire());

  it('signs what a key in a file would, as often as it is asked at once', async () => {
    const texts = Array.from({ length: 40 }, (_, index) => `text ${index}`);
    expect(await Promise.all(texts.map((text) => isSigned(text)))).toEqual(texts.map(() => true));
    expect(await isSignatureOf(key, utf8('another'), await signer.sign(utf8('text')))).toBe(false);
    expect(tokenProcesses()).toHaveLength(1);
    expect(signer).toMatchObject({ place: 'vault in bulla', standIn: 'SoftHSM: a token in files, and no hardware' });
  });

  it('has a label that no other key of the token gets', async () => {
    const again = makeTokenKey(uri('vault'), { modulusBits, suffix: '' });
    await expect(again).rejects.toMatchObject({ code: 'token_object_there', exitCode: 78 });
    const other = await makeTokenKey(uri('vault'), { modulusBits, suffix: '-content' });
    expect(other.token).toContain(';object=vault-content?');
  });

  it.each([
    ['may leave the token', 'leaving', 'token_leaves'],
    ['may not sign', 'deciphering', 'token_not_signing'],
    ['is no RSA key', 'curve', 'token_not_rsa'],
    ['is no pair', 'aes', 'token_no_object'],
  ] as const)('is not one that %s', async (_what, kind, code) => {
    hsm.makeKey(kind, kind);
    const refused = await open({ token: uri(kind) })
      .look()
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: 'TokenFault', code, exitCode: 78 });
    expect((refused as { hint: string }).hint).toMatch(/^(make one with: bulla keys generate|see what is in it)/);
  });

  it('is not another than the file says [guard: token-other-key]', async () => {
    const other = await keyAt('other');
    const refused = open({ token: other.token });
    await expect(refused.sign(utf8('text'))).rejects.toMatchObject({ code: 'token_other_key', exitCode: 78 });
    await expect(open({ ...other }).look()).resolves.toBeUndefined();
  });

  it('says what is wrong with its PIN, and neither the PIN nor its file gets further', async () => {
    const pinFile = join(hsm.folder, 'other-pin');
    const token = key.token.replace(join(hsm.folder, 'pin'), pinFile);
    const one = open({ token });
    const look = () => one.look().catch((error: unknown) => error);
    expect(await look()).toMatchObject({ code: 'token_pin_file', message: expect.stringContaining('cannot be read') });
    writeFileSync(pinFile, '');
    expect(await look()).toMatchObject({ message: expect.stringContaining('mode 0600') });
    for (const [pin, code] of [
      ['\n', 'token_pin_file'],
      ['12-of-another\n', 'token_pin'],
    ] as const) {
      const at = join(hsm.folder, `pin-${code}`);
      writeFileSync(at, pin, { mode: 0o600 });
      const refused = await open({ token: key.token.replace(join(hsm.folder, 'pin'), at) })
        .look()
        .catch((error: unknown) => error);
      expect(refused).toMatchObject({ code, exitCode: 78, hint: expect.stringContaining(at) });
      expect(JSON.stringify(refused) + String(refused)).not.toContain('12-of-another');
    }
  });

  it('is away and comes back, and whoever asks meanwhile hears it at once', async () => {
    signal('SIGKILL');
    hsm.takeAway();
    await expect(signer.sign(utf8('text'))).rejects.toMatchObject({ code: 'token_no_token', exitCode: 1 });
    const resting = open({}, { ...TIMES, restMs: 600_000 });
    const refusals = await Promise.allSettled([1, 2].map(() => resting.sign(utf8('text'))));
    refusals.push(...(await Promise.allSettled([resting.sign(utf8('text'))])));
    // One process was begun for all of them.
    expect(new Set(refusals.map((one) => (one.status === 'rejected' ? one.reason : one))).size).toBe(1);
    hsm.putBack();
    expect(await isSigned('text')).toBe(true);
  });

  it('that hangs is given up, and what waited behind is signed by the next process', async () => {
    expect(await isSigned('text')).toBe(true);
    signal('SIGSTOP');
    const waiting = await Promise.allSettled(['a', 'b', 'c'].map((text) => signer.sign(utf8(text))));
    const codes = waiting.map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : 'signed'));
    expect(codes).toEqual(['token_late', 'signed', 'signed']);
    expect(await isSigned('text')).toBe(true);
  });

  it('that others took the place of signs what is under way, and its process ends', async () => {
    const one = open();
    const asked = ['a', 'b'].map((text) => isSigned(text, one));
    one.retire();
    expect(await Promise.all(asked)).toEqual([true, true]);
    // Who found it before it was replaced still gets a signature.
    expect(await isSigned('late', one)).toBe(true);
    signer.retire();
    while (tokenProcesses().length > 0) await pause(20);
    signer = open();
    expect(await isSigned('text')).toBe(true);
  });

  it('is signed by while the process group is told to end', async () => {
    expect(await isSigned('text')).toBe(true);
    const before = tokenProcesses();
    for (const name of ['SIGTERM', 'SIGINT'] as const) signal(name);
    expect(await isSigned('text')).toBe(true);
    expect(tokenProcesses()).toEqual(before);
  });

  it('is signed by although its process was killed', async () => {
    expect(await isSigned('text')).toBe(true);
    signal('SIGKILL');
    expect(await isSigned('text')).toBe(true);
  });
});

where('a service whose signing key is in SoftHSM, which stands in for hardware', () => {
  let hsm: SoftHsm;
  let tiny: Tiny;
  let inToken: Tiny;
  let keys: ServiceKeys;
  let lines: string[];
  let watched: { path: string; watch: KeyFileWatch; inFile: ServiceKeys };
  let file: KeyFile;
  const kill = () => {
    for (const pid of tokenProcesses()) process.kill(pid, 'SIGKILL');
  };
  const away = () => {
    hsm.takeAway();
    kill();
  };
  beforeAll(async () => {
    hsm = new SoftHsm(findSoftHsm() ?? '');
    process.env['SOFTHSM2_CONF'] = hsm.settings;
    tiny = await startTiny();
    const { vault } = tiny.acme;
    const { modulusBits: bits = 0 } = suite('rsa3072');
    const made = await makeTokenKey(`pkcs11:${hsm.place('vault')}`, { modulusBits: bits, suffix: '' });
    const facts = { use: 'sig', alg: 'PS256', suite: 'rsa3072' } as const;
    const key: TokenKey = { kid: await keyThumbprint(made.jwk), ...facts, pur: ['http', 'envelope'], ...made };
    file = { ...vault.keyFile, keys: [key, ...vault.keyFile.keys] };
    const { token: _where, ...stated } = key;
    await tiny.acme.publish((draft) => {
      const entity = draft.entities[vault.urn];
      const [first] = entity?.keys ?? [];
      if (entity === undefined || first === undefined) throw new Error('no vault');
      entity.keys.push({ ...first, ...stated });
    });
    keys = await ServiceKeys.load(file);
    inToken = await startTiny({ like: tiny, keys });
    const path = join(hsm.folder, 'keys.json');
    writeFileSync(path, JSON.stringify(vault.keyFile), { mode: 0o600 });
    const inFile = await ServiceKeys.load(vault.keyFile);
    lines = [];
    const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
    const source = { held: () => [tiny.acme.trust] };
    watched = { path, inFile, watch: new KeyFileWatch({ path, keys: inFile, source, clock: tiny.clock, log }) };
    await watched.watch.look();
  });
  afterAll(async () => {
    await inToken.stop();
    await tiny.stop();
    await keys.close();
    await watched.inFile.close();
  });
  const ready = async () => (await inToken.owner.get('/health/ready')).body as { status: string; checks: object[] };

  it('signs its answers by it', async () => {
    const answered = await inToken.owner.get('/api/v1/prompts/prm_00000000000000000000000000');
    expect(answered.status).toBe(404);
    expect(answered.headers['signature-input']).toContain(file.keys[0]?.kid);
    await inToken.owner.verify(answered, inToken.acme.trust, inToken.acme.vault.urn);
    expect(keys.inTokens.map(({ place }) => place)).toEqual(['vault in bulla']);
  });

  it('is not ready and answers 503 while the token is away, and goes on once it is back', async () => {
    away();
    const failed = await inToken.owner.get('/api/v1/prompts/prm_00000000000000000000000000');
    expect(failed).toMatchObject({ status: 503, body: { code: 'overloaded' }, headers: { 'retry-after': '1' } });
    expect(failed.headers['signature']).toBeUndefined();
    await expect(keys.look()).rejects.toMatchObject({ code: 'token_no_token' });
    await expect(ServiceKeys.load(file)).rejects.toMatchObject({ code: 'token_no_token' });
    expect(await ready()).toMatchObject({ status: 'unavailable' });
    expect((await ready()).checks).toContainEqual({ name: 'signing-keys', ok: false });
    hsm.putBack();
    for (;;) {
      const again = await inToken.owner.get('/api/v1/prompts/prm_00000000000000000000000000');
      if (again.status === 404) break;
      await pause(50);
    }
    while ((await ready()).status !== 'ok') await pause(100);
  });

  it('takes a file that names it once the token is there, and says once what it waits for', async () => {
    const { path, watch, inFile } = watched;
    away();
    writeFileSync(path, JSON.stringify(file), { mode: 0o600 });
    for (let looks = 0; looks < 3; looks++) await watch.look();
    const said = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);
    expect(said()).toEqual(['keys-not-reached']);
    expect(lines[0]).toMatch(/has no token of that label.*pkcs11-tool/);
    expect(inFile.inTokens).toEqual([]);
    hsm.putBack();
    while (said().length < 2) {
      await watch.look();
      await pause(50);
    }
    expect(said()).toEqual(['keys-not-reached', 'keys-taken']);
    expect(inFile.newest('envelope').kid).toBe(file.keys[0]?.kid);
  });

  it('goes back to a file without it, and its process ends', async () => {
    const { path, watch, inFile } = watched;
    const before = tokenProcesses().length;
    writeFileSync(path, JSON.stringify(tiny.acme.vault.keyFile), { mode: 0o600 });
    await watch.look();
    expect(inFile.inTokens).toEqual([]);
    while (tokenProcesses().length !== before - 1) await pause(20);
  });

  it('is not of a file whose URI says what it should not', async () => {
    const [key, ...others] = file.keys;
    const spoilt = { ...key, token: 'pkcs11:token=bulla;object=vault?module-path=/m&pin-value=1234' } as TokenKey;
    const refused = await ServiceKeys.load({ ...file, keys: [spoilt, ...others] }).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      name: 'KeyFileError',
      message: expect.stringMatching(/pin-value means nothing here/),
    });
    expect(String(refused)).not.toContain('1234');
  });
});
