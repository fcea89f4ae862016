import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyFile } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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

describe('the keys of a service', () => {
  it('sign for the purposes they have, the first one of a purpose first', async () => {
    const keys = await ServiceKeys.load(vault);
    expect(keys.signer('envelope').kid).toBe(vault.keys[0]?.kid);
    expect(keys.httpKeyid()).toBe(`${vault.urn}#${vault.keys[0]?.kid}`);
    expect(() => keys.signer('reply')).toThrow(/has no key for "reply"$/);
  });

  it('leave encryption keys alone', async () => {
    const keys = await ServiceKeys.load(responder);
    expect(keys.signer('reply').alg).toBe('PS256');
    expect(() => keys.signer('unwrap')).toThrow(/has no key for "unwrap"$/);
  });

  it('stand in other organisations under a name there', async () => {
    const keys = await ServiceKeys.load(responder);
    expect(keys.urnIn('acme')).toBe('urn:bulla:acme:svc:responder:eu1');
    expect(keys.urnIn('other')).toBe('urn:bulla:other:svc:responder:eu1');
    expect(keys.httpKeyid('other')).toMatch(/^urn:bulla:other:svc:responder:eu1#/);
  });
});
