import { generateKeyPair, loadSigner, sha256, utf8 } from '@bulla/crypto';
import type { CheckpointTrust } from '@bulla/crypto/log';
import { noteKeyOf, signCheckpoint } from '@bulla/crypto/log';
import { expect, it } from '@jest/globals';
import { NewestCheckpoint } from '../src/audit-log/newest-checkpoint.js';

const ORIGIN = 'urn:bulla:acme:svc:responder:eu1/audit/1';

/** Of the logs of this file. */
const keys: CheckpointTrust['keys'][number][] = [];
const pens = {
  trustIn: async (_: string, origin: string) => ({ origin, keys: keys.filter(({ name }) => name === origin) }),
};

async function noteOf(size: number, { log = ORIGIN, isListed = true } = {}): Promise<string> {
  const { privateJwk, publicJwk } = await generateKeyPair('ed25519', 'sig');
  const signer = await loadSigner(privateJwk, 'Ed25519');
  const key = await noteKeyOf(log, publicJwk);
  if (isListed) keys.push(key);
  return signCheckpoint(log, { size, root: await sha256(utf8('a tree')) }, [{ key, signer }]);
}

/** What is known after the database showed these, one after another. */
async function allAfter(...notes: (string | undefined)[]): Promise<readonly string[]> {
  const newest = new NewestCheckpoint();
  for (const note of notes) {
    const logs = { checkpoints: async () => (note === undefined ? [] : [note]) };
    await newest.look({ logs, pens }, 'acme');
  }
  return newest.notes;
}

async function knownAfter(...notes: (string | undefined)[]): Promise<string | undefined> {
  return (await allAfter(...notes))[0];
}

it('the newest checkpoint is that of the newest log, and of its largest tree', async () => {
  const [small, large] = [await noteOf(3), await noteOf(12)];
  const next = await noteOf(1, { log: ORIGIN.replace(/1$/, '10') });
  expect(await knownAfter(undefined)).toBeUndefined();
  expect(await knownAfter(small, undefined)).toBe(small);
  expect(await knownAfter(small, large, small)).toBe(large);
  expect(await knownAfter(large, next, large)).toBe(next);
  expect(await allAfter(small, next, large)).toEqual([next, large]);
  expect(await knownAfter(small, await noteOf(3))).toBe(small);
});

it('the newest checkpoint is handed on with the signature of the log, and without those of witnesses', async () => {
  const note = await noteOf(3);
  const witness = `\u2014 witness.example ${Buffer.alloc(76).toString('base64')}\n`;
  expect(await knownAfter(note + witness)).toBe(note);
});

it('the newest checkpoint is one that a key of the log signed [guard: checkpoint-told-signed]', async () => {
  const good = await noteOf(3);
  const planted = [await noteOf(900, { isListed: false }), good.replace('\n3\n', '\n900\n')];
  for (const one of planted) expect(await knownAfter(one, good)).toBe(good);
});

it.each(['x', '', 'bulla/x\n\n', '\ud800'])('the newest checkpoint is none of what is no note: %j', async (planted) => {
  const good = await noteOf(3);
  expect(await knownAfter(planted, good)).toBe(good);
});
