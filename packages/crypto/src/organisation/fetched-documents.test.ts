import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { DocumentsSource } from './fetched-documents.js';
import { documentPath, fetchDocuments, fetchHashesBetween } from './fetched-documents.js';

let acme: TestOrganisation;
let served: Map<string, string>;
const asked: [path: string, bytesMax: number][] = [];

/** A vault that serves what the map holds by its name, and that writes down what it is asked. */
function source(pin = acme.pin): DocumentsSource {
  asked.length = 0;
  return {
    org: 'acme',
    pin,
    read: async (path, bytesMax) => {
      asked.push([path, bytesMax]);
      return served.get(path.replace('/.well-known/bulla/acme/', ''));
    },
    parseWords: (text) => text.split(' '),
  };
}

beforeAll(async () => {
  acme = await makeOrganisation({ suite: 'p256' });
  const { roots, policy, directory } = acme.documents;
  served = new Map([
    ['root/1.json', roots[0] ?? ''],
    ['policy.json', policy],
    ['directory.json', directory],
    ['fresh.json', 'one two'],
  ]);
});

describe('the documents of an organisation', () => {
  it('are read root by root, then the words, then what they are about, each no longer than it may be', async () => {
    const { roots, policy, directory } = acme.documents;
    expect(await fetchDocuments(source(), [])).toEqual({ roots, policy, directory, fresh: ['one', 'two'] });
    expect(asked).toEqual(
      [
        ['root/1.json', 128],
        ['root/2.json', 128],
        ['fresh.json', 160],
        ['directory.json', 6 * 1024],
        ['policy.json', 6 * 1024],
      ].map(([name, kibibytes]) => [`/.well-known/bulla/acme/${name}`, Number(kibibytes) * 1024]),
    );
  });

  it('[guard: documents-roots-again] are those of a root that came while they were read', async () => {
    const before = served;
    const next = await acme.signRoot();
    const late = new Map([...before, ['root/2.json', next.roots[1] ?? '']]);
    served = new Map([...before, ['policy.json', next.policy], ['directory.json', next.directory]]);
    const from = source();
    const read = async (path: string, bytesMax: number) => {
      const text = await from.read(path, bytesMax);
      if (path.endsWith('/directory.json')) served = new Map([...served, ...late, ...served]);
      return text;
    };
    const { fresh: _words, ...documents } = (await fetchDocuments({ ...from, read }, [])) ?? {};
    expect(documents).toEqual(next);
    served = before;
  });

  it('are read from the roots on that are known', async () => {
    await fetchDocuments(source(), acme.documents.roots);
    expect(asked.map(([path]) => path)).not.toContain(documentPath('acme', 'root/1.json'));
  });

  it('have no words at a vault that serves none', async () => {
    const before = served;
    served = new Map([...before].filter(([name]) => name !== 'fresh.json'));
    expect(await fetchDocuments(source(), [])).toMatchObject({ fresh: [] });
    served = before;
  });

  it.each(['root/1.json', 'policy.json', 'directory.json'])('are none without %s', async (missing) => {
    const before = served;
    served = new Map([...before].filter(([name]) => name !== missing));
    expect(await fetchDocuments(source(), [])).toBeUndefined();
    served = before;
  });

  it('are not asked for at a vault with another root', async () => {
    const reading = fetchDocuments(source(`sha256:${'0'.repeat(64)}`), []);
    await expect(reading).rejects.toMatchObject({ code: 'pin_mismatch', check: 'root-pin' });
    expect(asked).toHaveLength(1);
  });
});

describe('the hashes of directories', () => {
  it('are not asked for where none lie between', async () => {
    const { directory } = acme.documents;
    expect(await fetchHashesBetween(source(), [undefined], directory)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('are read from the first that is not known on', async () => {
    const { memory } = acme.trust;
    await acme.publish();
    await acme.publish();
    served.set('directory/hashes?from=1', JSON.stringify({ v: 1, hashes: ['A'.repeat(43), 'E'.repeat(43)] }));
    const hashes = await fetchHashesBetween(source(), [memory], acme.documents.directory);
    expect(hashes).toEqual({ from: 1, hashes: ['A'.repeat(43), 'E'.repeat(43)] });
    expect(asked).toEqual([['/.well-known/bulla/acme/directory/hashes?from=1', 64 * 1024]]);
  });
});
