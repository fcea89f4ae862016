import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyFile } from '@bulla/crypto';
import { generateKeyPair, keyThumbprint, withNewRowSecret } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RowSecrets } from '../audit/row-secrets.js';
import type { Listing } from './service-keys.js';
import { readKeyFile, ServiceKeys } from './service-keys.js';

const folder = mkdtempSync(join(tmpdir(), 'bulla-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));
let vault: KeyFile;
let responder: KeyFile;
beforeAll(async () => {
  const acme = await makeOrganisation({ readyKeyPair: committedKeyPair });
  vault = acme.vault.keyFile;
  responder = acme.responders[0].keyFile;
});

function written(content: unknown, mode = 0o600): string {
  const path = join(folder, `${crypto.randomUUID()}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

describe('a key file', () => {
  it('is not read on where it has no end', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', ['-m', '600', path]);
    const writer = spawn('sh', ['-c', 'cat /dev/zero > "$0"', path], { stdio: 'ignore' });
    const ended = once(writer, 'exit');
    await expect(readKeyFile(path)).rejects.toThrow(/larger than 262144 bytes$/);
    await ended;
  });

  it('is read', async () => {
    expect(await readKeyFile(written(vault))).toEqual(vault);
  });

  it.each([
    ['others can read', () => written(vault, 0o640), /others can read or write it; expected mode 0600$/],
    ['others can write', () => written(vault, 0o602), /expected mode 0600$/],
    ['is not there', () => join(folder, 'none.json'), /cannot be read$/],
    ['is too large', () => written(`"${'x'.repeat(300_000)}"`), /larger than 262144 bytes$/],
    ['is no JSON', () => written('canary'), /not a key file of Bulla$/],
    ['has a further member', () => written({ ...vault, canary: 1 }), /not a key file of Bulla$/],
    [
      'is of another organisation',
      () => written({ ...vault, org: 'other' }),
      /its URN is not one of its organisation$/,
    ],
    ['has no URN', () => written({ ...vault, urn: 'canary' }), /its URN is not one of its organisation$/],
    [
      'has a key under another name',
      () => written({ ...vault, keys: vault.keys.map((key) => ({ ...key, kid: 'A'.repeat(43) })) }),
      /a kid is not the thumbprint of its key$/,
    ],
  ])('is refused when it %s', async (_name, path, message) => {
    const refused = readKeyFile(path());
    await expect(refused).rejects.toMatchObject({
      name: 'KeyFileError',
      exitCode: 78,
      message: expect.stringMatching(message),
    });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('canary') });
  });
});

/** A directory in which these keys of a service may sign. */
function listing(...kids: string[]): Listing {
  const holders = kids.map((kid) => ({ record: { kid } }));
  return { org: 'acme', activeKeys: () => holders } as unknown as Listing;
}
const kidsOf = (file: KeyFile) => file.keys.map(({ kid }) => kid);
/** A file in which a key of its own lies before those that are there. */
async function withFresh(file: KeyFile): Promise<KeyFile> {
  const { privateJwk: jwk } = await generateKeyPair('p256', 'sig');
  const [first] = file.keys;
  if (first === undefined) throw new Error('a file without keys');
  const fresh = {
    ...first,
    alg: 'ES256',
    suite: 'p256',
    jwk,
    kid: await keyThumbprint(jwk),
  } as KeyFile['keys'][number];
  return { ...file, keys: [fresh, ...file.keys] };
}

describe('the keys of a service', () => {
  it('sign for the purposes they have', async () => {
    const keys = await ServiceKeys.load(vault);
    expect(keys.newest('envelope').kid).toBe(vault.keys[0]?.kid);
    expect(() => keys.newest('reply')).toThrow(/has no key for "reply"$/);
    expect(() => keys.signer('reply', listing(), 0)).toThrow(/has no key for "reply"$/);
  });

  it('leave encryption keys alone', async () => {
    const keys = await ServiceKeys.load(responder);
    expect(keys.newest('reply').alg).toBe('PS256');
    expect(() => keys.newest('unwrap')).toThrow(/has no key for "unwrap"$/);
  });

  it('stand in other organisations under a name there', async () => {
    const keys = await ServiceKeys.load(responder);
    expect(keys.urnIn('acme')).toBe('urn:bulla:acme:svc:responder:eu1');
    expect(keys.urnIn('other')).toBe('urn:bulla:other:svc:responder:eu1');
  });

  it('lie ready until the directory lists them: the newest that is listed signs [guard: keys-listed]', async () => {
    const file = await withFresh(vault);
    const [fresh = '', old = ''] = kidsOf(file);
    const keys = await ServiceKeys.load(file);
    const signing = (...listed: string[]) => keys.signer('envelope', listing(...listed), 0).kid;
    expect(keys.newest('envelope').kid).toBe(fresh);
    expect([signing(old), signing(old, fresh), signing(fresh), signing()]).toEqual([old, fresh, fresh, fresh]);
    expect(keys.signers('envelope', listing(old), 0).map(({ kid }) => kid)).toEqual([old, fresh]);
    expect(keys.signer('envelope', undefined, 0).kid).toBe(fresh);
  });

  it('are those of another file once it is taken, and of whoever listens', async () => {
    const keys = await ServiceKeys.load(vault);
    const file = await withFresh(vault);
    const heard: KeyFile[] = [];
    keys.onTaken(async (one) => () => void heard.push(one));
    const [fresh = ''] = kidsOf(file);
    await expect(keys.take(file, [listing(...kidsOf(vault))], 0)).resolves.toBe(true);
    expect(keys.newest('envelope').kid).toBe(fresh);
    expect(heard).toEqual([file]);
  });

  it('are taken by everybody who follows them, or by nobody', async () => {
    const keys = await ServiceKeys.load(vault);
    const file = await withFresh(vault);
    const heard: KeyFile[] = [];
    keys.onTaken(async (one) => () => void heard.push(one));
    keys.onTaken(() => Promise.reject(new Error('not loaded')));
    await expect(keys.take(file, [listing(...kidsOf(vault))], 0)).rejects.toThrow('not loaded');
    expect([heard, keys.newest('envelope').kid, keys.held()]).toEqual([[], vault.keys[0]?.kid, kidsOf(vault)]);
  });

  it('are held from the moment at which their file lies there, also while it waits', async () => {
    const keys = await ServiceKeys.load(vault);
    expect(keys.held()).toEqual(kidsOf(vault));
    const { keys: all, ...rest } = await withFresh(vault);
    const waiting = { ...rest, keys: all.filter((key, at) => at === 0 || key.pur.includes('checkpoint')) };
    await expect(keys.take(waiting, [listing(...kidsOf(vault))], 0)).resolves.toBe(false);
    expect(keys.held().toSorted()).toEqual([...new Set([...kidsOf(vault), ...kidsOf(waiting)])].toSorted());
    keys.nothingWaits();
    expect(keys.held()).toEqual(kidsOf(vault));
    await expect(keys.take(waiting, [], 0)).resolves.toBe(true);
    expect(keys.held()).toEqual(kidsOf(waiting));
  });

  it('come with secrets of rows, which check what others write from the moment at which their file lies there', async () => {
    const keys = await ServiceKeys.load(vault);
    const leaf = new Uint8Array([1]);
    const { keys: all, ...rest } = withNewRowSecret(await withFresh(vault));
    const file = { ...rest, keys: all.filter((key, at) => at === 0 || key.pur.includes('checkpoint')) };
    const others = RowSecrets.of(file);
    expect(keys.rows.check('acme', leaf, others.seal('acme', leaf))).toBe('unknown');
    await expect(keys.take(file, [listing(...kidsOf(vault))], 0)).resolves.toBe(false);
    expect(keys.rows.check('acme', leaf, others.seal('acme', leaf))).toBe('good');
    expect(keys.rows.seal('acme', leaf).id).toBe(vault.rows?.[0]?.id);
    await expect(keys.take(file, [], 0)).resolves.toBe(true);
    expect(keys.rows.seal('acme', leaf).id).toBe(file.rows[0]?.id);
  });

  it('are not taken from a file without a secret for rows [guard: keys-without-rows]', async () => {
    const keys = await ServiceKeys.load(vault);
    const { rows: _, ...file } = vault;
    await expect(keys.take(file, [], 0)).rejects.toThrow(/has no secret for rows of the audit log$/);
    expect(keys.rows.canWrite).toBe(true);
  });

  it('stay while a directory lists them and none of the other file [guard: keys-early]', async () => {
    const keys = await ServiceKeys.load(vault);
    const { keys: all, ...rest } = await withFresh(vault);
    const file = { ...rest, keys: all.filter((key, at) => at === 0 || key.pur.includes('checkpoint')) };
    const [fresh = ''] = kidsOf(file);
    const before = listing(...kidsOf(vault));
    await expect(keys.take(file, [before], 0)).resolves.toBe(false);
    expect(keys.newest('envelope').kid).toBe(vault.keys[0]?.kid);
    await expect(keys.take(file, [listing(fresh, ...kidsOf(vault)), before], 0)).resolves.toBe(false);
    await expect(keys.take(file, [listing(fresh, ...kidsOf(vault))], 0)).resolves.toBe(true);
    expect(keys.newest('envelope').kid).toBe(fresh);
  });

  it.each([
    ['of another service', () => responder, /of another service: expected urn:bulla:acme:svc:vault$/],
    [
      'without a key for a purpose',
      () => ({ ...vault, keys: vault.keys.filter(({ pur }) => !pur.includes('checkpoint')) }),
      /has no key for "checkpoint"$/,
    ],
  ])('are not taken from a file %s', async (_name, file, message) => {
    const keys = await ServiceKeys.load(vault);
    await expect(keys.take(file(), [], 0)).rejects.toThrow(message);
    expect(keys.newest('envelope').kid).toBe(vault.keys[0]?.kid);
  });
});
