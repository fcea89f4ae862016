import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import { FIRST_CHAIN, parseDirectory, readDirectoryHead } from './directory.js';
import type { DirectoryHashes } from './directory-chain.js';
import { fetchHashes, foldChain, nextChain, readHashes } from './directory-chain.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import { Trust } from './trust.js';
import type { TrustMemory } from './trust-memory.js';

const NOW = 1_800_000_000;
const HASH = 'E'.repeat(43);

/** Eight directories in a row, and what was trusted at each. */
let acme: TestOrganisation;
let trusts: Trust[];
beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW });
  trusts = [acme.trust];
  while (trusts.length < 8) trusts.push(await acme.publish());
});

/** What was trusted at a version. */
function at(version: number): Trust {
  const trust = trusts[version - 1];
  if (trust === undefined) throw new Error('there is no such version');
  return trust;
}
/** The hashes from a version on. */
const from = (version: number): DirectoryHashes => ({ from: version, hashes: acme.hashes.hashes.slice(version - 1) });

/** A party that has seen one version is given another, with hashes as somebody serves them. */
function take(to: Trust['documents'], seen: TrustMemory | undefined, hashes?: DirectoryHashes): Promise<Trust> {
  return Trust.establish(to, { org: 'acme', pin: acme.pin, now: NOW, previous: seen, hashes });
}

/** Another directory of this version and of those after it: somebody went on from the one before on a second branch. */
async function branch(version: number, to: number): Promise<{ documents: Trust['documents']; hashes: string[] }> {
  let trust = at(version - 1);
  for (let next = version; next <= to; next++) {
    const { ver, hash } = trust.directoryRef;
    const members = { version: ver + 1, prev: hash, chain: await trust.nextChain(), kept: [HASH] };
    const directory = await acme.sign('directory', { ...trust.directory, ...members });
    trust = await take({ ...trust.documents, directory }, trust.memory);
  }
  return { documents: trust.documents, hashes: [...(trust.memory.hashes ?? []), trust.directoryRef.hash] };
}

const refused = { code: 'trust_rollback', check: 'directory-chain' };

describe('the chain of directories', () => {
  it('is the SHA-256 of what stood before, raw, from zeros on', async () => {
    const raw = (text: string) => Buffer.from(text, 'base64url');
    let chain = Buffer.alloc(32);
    for (const { directory, directoryRef } of trusts) {
      expect(directory.chain).toBe(chain.toString('base64url'));
      chain = createHash('sha256')
        .update(Buffer.concat([chain, raw(directoryRef.hash)]))
        .digest();
    }
    expect(FIRST_CHAIN).toBe(Buffer.alloc(32).toString('base64url'));
    expect(await foldChain(FIRST_CHAIN, acme.hashes.hashes)).toBe(
      await nextChain(at(8).directory.chain ?? '', at(8).directoryRef.hash),
    );
  });

  it.each([
    [1, 2],
    [1, 8],
    [3, 4],
    [3, 8],
    [7, 8],
  ])('leads from version %i to %i, and all hashes are known there', async (seen, to) => {
    const trust = await take(at(to).documents, at(seen).memory, from(seen));
    expect(trust.memory.hashes).toEqual(acme.hashes.hashes.slice(0, to - 1));
    expect(trust.memory.directory.chain).toBe(at(to).directory.chain);
  });

  it('takes hashes from an earlier version on, and of later ones', async () => {
    await expect(take(at(6).documents, at(3).memory, from(1))).resolves.toBeInstanceOf(Trust);
  });

  it('needs no hashes from one version to the next', async () => {
    await expect(take(at(4).documents, at(3).memory)).resolves.toBeInstanceOf(Trust);
  });

  it.each<[string, (() => DirectoryHashes) | undefined]>([
    ['no hashes', undefined],
    ['none of the hashes between', () => ({ from: 3, hashes: [] })],
    ['too few hashes', () => ({ from: 3, hashes: from(3).hashes.slice(0, 2) })],
    ['hashes that begin later', () => from(5)],
    ['another hash in between [guard: chain-fold]', () => ({ from: 3, hashes: from(3).hashes.with(2, HASH) })],
    [
      "two hashes in each other's place",
      () => ({
        from: 3,
        hashes: from(3)
          .hashes.with(1, from(3).hashes[2] ?? '')
          .with(2, from(3).hashes[1] ?? ''),
      }),
    ],
    [
      'another one in the place of the held [guard: chain-held]',
      () => ({ from: 3, hashes: from(3).hashes.with(0, HASH) }),
    ],
  ])('is not followed over a gap by %s', async (_name, hashes) => {
    await expect(take(at(7).documents, at(3).memory, hashes?.())).rejects.toMatchObject(refused);
  });

  it('[red] does not lead over a gap to a branch that the held version is not on', async () => {
    const fork = await branch(3, 6);
    await expect(take(fork.documents, at(2).memory, { from: 1, hashes: fork.hashes })).resolves.toBeInstanceOf(Trust);
    for (const hashes of [fork.hashes, acme.hashes.hashes, fork.hashes.with(3, acme.hashes.hashes[3] ?? '')])
      await expect(take(fork.documents, at(4).memory, { from: 1, hashes })).rejects.toMatchObject(refused);
  });

  it('is refused where the next directory states another', async () => {
    const { directory, directoryRef } = at(3);
    const next = { ...directory, version: 4, prev: directoryRef.hash, chain: HASH };
    const documents = { ...at(3).documents, directory: await acme.sign('directory', next) };
    await expect(take(documents, at(3).memory)).rejects.toMatchObject(refused);
  });

  it('is refused where the directory names another one before it than the chain does [guard: chain-prev]', async () => {
    const directory = await acme.sign('directory', { ...at(7).directory, prev: HASH });
    await expect(take({ ...at(7).documents, directory }, at(3).memory, from(3))).rejects.toMatchObject(refused);
  });

  it('is not asked for at a first contact, and checked from the beginning where hashes are given', async () => {
    expect((await take(at(7).documents, undefined)).memory.hashes).toBeUndefined();
    expect((await take(at(7).documents, undefined, from(1))).memory.hashes).toHaveLength(6);
    await expect(take(at(7).documents, undefined, { from: 1, hashes: [HASH] })).rejects.toMatchObject(refused);
  });
});

describe('a directory of spec 1', () => {
  /** The documents of a version as an earlier Bulla wrote them. */
  async function earlier(version: number): Promise<Trust> {
    const { chain: _, ...directory } = at(version).directory;
    const token = await acme.sign('directory', { ...directory, spec: '1' });
    const documents = { ...at(version).documents, directory: token };
    return Trust.establish(documents, { org: 'acme', pin: acme.pin, now: NOW, acceptExpired: true });
  }

  it('counts as expired, and has no chain to go on [guard: trust-spec]', async () => {
    const { documents, ...trust } = await earlier(3);
    expect(trust.memory).not.toHaveProperty('hashes');
    await expect(take(documents, undefined)).rejects.toMatchObject({ code: 'trust_expired', check: 'directory-spec' });
    await expect(async () => (await earlier(3)).nextChain()).rejects.toMatchObject({ check: 'directory-spec' });
  });

  it('is followed by one that counts all before it', async () => {
    const first = await earlier(3);
    const { ver, hash } = first.directoryRef;
    const hashes = [...acme.hashes.hashes.slice(0, 2), hash];
    const chain = await foldChain(FIRST_CHAIN, hashes);
    const next = { ...at(3).directory, version: ver + 1, prev: hash, chain };
    const documents = { ...first.documents, directory: await acme.sign('directory', next) };
    expect((await take(documents, first.memory, { from: 1, hashes })).memory.hashes).toEqual(hashes);
    await expect(take(documents, first.memory)).rejects.toMatchObject(refused);
    await expect(take(documents, first.memory, { from: 1, hashes: hashes.with(0, HASH) })).rejects.toMatchObject(
      refused,
    );
    await expect(take(documents, first.memory, { from: 1, hashes: hashes.with(2, HASH) })).rejects.toMatchObject(
      refused,
    );
  });

  it('follows none that has a chain [guard: chain-earlier]', async () => {
    const { documents } = await earlier(4);
    const previous = { ...at(3).memory };
    await expect(
      Trust.establish(documents, { org: 'acme', pin: acme.pin, now: NOW, previous, acceptExpired: true }),
    ).rejects.toMatchObject(refused);
  });
});

describe('the head of a directory', () => {
  it('tells which one it is, however large the rest', async () => {
    const { version, prev, chain, policy } = at(4).directory;
    expect(readDirectoryHead(at(4).documents.directory)).toMatchObject({ spec: '2', version, prev, chain, policy });
  });

  it('holds every member but the lists [guard: directory-head]', async () => {
    const { directory, documents } = at(4);
    const [signer] = acme.signers.directory;
    const { signatures } = JSON.parse(documents.directory) as { signatures: { protected: string }[] };
    for (const name of ['prev', 'chain', 'expires'] as const) {
      const { [name]: moved, ...others } = directory;
      const payload = encodeBase64url(utf8(JSON.stringify({ ...others, [name]: moved })));
      const header = signatures[0]?.protected ?? '';
      const signature = encodeBase64url((await signer?.sign(utf8(`${header}.${payload}`))) ?? new Uint8Array());
      const token = JSON.stringify({ payload, signatures: [{ protected: header, signature }] });
      await expect(parseDirectory(token)).rejects.toMatchObject({ code: 'token_malformed' });
    }
  });

  it.each([
    ['nothing', ''],
    ['another JSON text', '{"signatures":[],"payload":"AAAA"}'],
    ['no end', `{"payload":"${'A'.repeat(4000)}`],
    ['no base64url', '{"payload":"####","signatures":[]}'],
    ['no entities', '{"payload":"e30","signatures":[]}'],
  ])('is not found in %s', (_name, token) => {
    expect(() => readDirectoryHead(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });
});

describe('pages of hashes', () => {
  const page = (hashes: readonly string[]) => JSON.stringify({ v: 1, hashes });
  const all = Array.from({ length: 2_500 }, (_, index) =>
    createHash('sha256').update(String(index)).digest('base64url'),
  );
  const served = (asked: number[]) => (start: number) => {
    asked.push(start);
    return Promise.resolve(page(all.slice(start - 1, start + 999)));
  };

  it('are read until there is enough', async () => {
    const asked: number[] = [];
    expect(await readHashes(1, 2_501, served(asked))).toEqual(all);
    expect(asked).toEqual([1, 1001, 2001]);
    expect(await readHashes(400, 800, served(asked))).toEqual(all.slice(399, 1399));
    expect(await readHashes(2_400, Number.MAX_SAFE_INTEGER, served(asked))).toEqual(all.slice(2399));
    expect(await readHashes(1, 5, () => Promise.resolve(undefined))).toEqual([]);
  });

  it('are read from where what was seen ends, and not at all by a neighbour', async () => {
    const read = () => Promise.resolve(page(acme.hashes.hashes.slice(2)));
    expect(await fetchHashes([at(3).memory], at(8).directory as never, read)).toEqual(from(3));
    expect(await fetchHashes([at(7).memory], at(8).directory as never, read)).toBeUndefined();
    expect(await fetchHashes([undefined], at(1).directory as never, read)).toBeUndefined();
    expect((await fetchHashes([at(7).memory, at(3).memory], at(8).directory as never, read))?.from).toBe(3);
    expect((await fetchHashes([undefined], at(8).directory as never, read))?.from).toBe(1);
  });

  it.each([
    ['no JSON', '<html>'],
    ['more than a page', page(all.slice(0, 1_001))],
    ['no hashes', page(['x'])],
    ['another version', JSON.stringify({ v: 2, hashes: [] })],
  ])('are refused as %s', async (_name, text) => {
    await expect(readHashes(1, 9, () => Promise.resolve(text))).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('come to an end, whatever a vault serves', async () => {
    let count = 0;
    const endless = () => Promise.resolve(((count += 1), page(all.slice(0, 1_000))));
    const hashes = await readHashes(1, 2_147_483_647, endless);
    expect([count, hashes.length]).toEqual([365, 365_000]);
  });
});
