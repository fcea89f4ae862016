import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { folderForTest } from '@bulla/testkit';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseWitnessKey } from '@bulla/crypto/log';
import { Home } from './home/home.js';
import { WitnessHome } from './witness-home.js';

const NAME = 'witness.example/w1';
const NOTE = 'urn:bulla:acme:svc:vault/audit/1\n7\nAA==\n\n\u2014 x AAAA\n';
let home: Home;
beforeEach(() => {
  home = new Home(folderForTest('witness'));
});

describe('the folder of a witness', () => {
  it('has a key for its owner alone, and a state from the beginning on', async () => {
    const key = await WitnessHome.make(home, NAME);
    expect(await parseWitnessKey(key)).toMatchObject({ name: NAME, signs: 'cosignature' });
    const own = await WitnessHome.open(home);
    expect(own.signer.key.name).toBe(NAME);
    expect(await own.read()).toEqual(new Map());
    expect((await readdir(home.folder)).toSorted()).toEqual(['witness.json', 'witness.key']);
    expect((await stat(home.path('witness.key'))).mode & 0o077).toBe(0);
  });

  it('keeps what was signed, and what contradicts it', async () => {
    await WitnessHome.make(home, NAME);
    const own = await WitnessHome.open(home);
    await own.write(new Map([['urn:bulla:acme:svc:vault/audit/1', NOTE]]));
    expect(await (await WitnessHome.open(home)).read()).toEqual(new Map([['urn:bulla:acme:svc:vault/audit/1', NOTE]]));
    const shown = NOTE.replace('\n7\n', '\n9\n');
    const path = await own.keepEvidence({ origin: 'urn:bulla:acme:svc:vault/audit/1', checkpoints: [NOTE, shown] });
    expect(path).toBe(home.path('contradictions/urn-bulla-acme-svc-vault-audit-1-7-9.json'));
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ checkpoints: [NOTE, shown] });
  });

  it('is used by one process at a time', async () => {
    await WitnessHome.make(home, NAME);
    const own = await WitnessHome.open(home);
    const release = await own.lock();
    await expect(own.lock()).rejects.toThrow(`${home.folder} is in use by process`);
    await release();
  });

  it('is of one witness [guard: witness-other]', async () => {
    const key = await WitnessHome.make(home, NAME);
    await expect(WitnessHome.make(home, 'witness.example/w2')).rejects.toThrow('one folder is of one witness');
    await rm(home.path('witness.json'));
    await expect(WitnessHome.make(home, NAME)).rejects.toThrow('is there already');
    expect(key).toContain(NAME);
  });

  it('is refused without its state [guard: witness-state]', async () => {
    await WitnessHome.make(home, NAME);
    await rm(home.path('witness.json'));
    await expect(WitnessHome.open(home)).rejects.toThrow(
      /witness\.json is not there: without what this key has signed .* make a new witness: bulla audit witness --init NAME$/,
    );
  });

  it('is refused with the state of another key [guard: witness-state-key]', async () => {
    await WitnessHome.make(home, NAME);
    const other = new Home(folderForTest('witness'));
    await WitnessHome.make(other, NAME);
    await writeFile(home.path('witness.json'), await readFile(other.path('witness.json')));
    await expect(WitnessHome.open(home)).rejects.toThrow('is the state of another key');
  });

  it.each([
    ['no JSON', 'x'],
    ['another version', '{"v":2,"key":"x","logs":[]}'],
    ['nothing', ''],
  ])('is refused with a state that is %s', async (_name, text) => {
    await WitnessHome.make(home, NAME);
    await writeFile(home.path('witness.json'), text);
    await expect(WitnessHome.open(home)).rejects.toThrow('is not the state of a witness');
  });

  it('is refused where there is no witness, or others may read its key', async () => {
    await expect(WitnessHome.open(home)).rejects.toThrow('there is no witness in');
    await WitnessHome.make(home, NAME);
    const key = await readFile(home.path('witness.key'));
    await rm(home.path('witness.key'));
    await writeFile(home.path('witness.key'), key, { mode: 0o644 });
    await expect(WitnessHome.open(home)).rejects.toThrow('chmod 600');
  });

  it.each(['urn:bulla:acme:svc:vault/audit/1', 'with space', '', 'a+b'])('takes no name such as %j', async (name) => {
    await expect(WitnessHome.make(home, name)).rejects.toMatchObject({ code: 'token_malformed' });
    expect(await home.read('witness.key')).toBeUndefined();
  });
});
