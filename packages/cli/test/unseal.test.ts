import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, statSync } from 'node:fs';
import { Bulla, identityOf } from '@bulla/client';
import { Home, IDENTITY, readKeyFile, readProfile } from '@bulla/client/node';
import type { Running } from './world.js';
import { World } from './world.js';

// A vault whose root key people keep in shares, from the making of the shares to the last of them that is needed.

interface State {
  readonly at: string;
  readonly sealed: boolean;
  readonly given: number[];
  readonly fingerprint: string;
}

let world: World;
let running: Running;
beforeAll(async () => {
  world = await World.make();
  const out = ['--out', world.path('shares')];
  await world.done(['keys', 'shamir', 'create', '--shares', '3', '--threshold', '2', ...out]);
  world.env['BULLA_ROOT_KEY'] = `shamir:${world.path('shares/set.json')}`;
  running = await world.up('organisation');
});
afterAll(async () => {
  await running.stop();
  await world.remove();
});

const share = (index: number) => world.path(`shares/share-${index}.txt`);
async function states(...more: string[]): Promise<State[]> {
  return JSON.parse((await world.bulla(['unseal', '--json', ...more])).stdout) as State[];
}

describe('bulla keys shamir create', () => {
  it('writes the public set for all, each share for its holder alone, and the key nowhere', () => {
    expect(statSync(world.path('shares/set.json')).mode & 0o777).toBe(0o644);
    for (const index of [1, 2, 3]) expect(statSync(share(index)).mode & 0o777).toBe(0o600);
    const set = JSON.parse(readFileSync(world.path('shares/set.json'), 'utf8')) as object;
    expect(Object.keys(set)).toEqual(['v', 'dealer', 'shares', 'threshold']);
  });

  it('writes over no set that is there', async () => {
    const before = readFileSync(share(1), 'utf8');
    const again = ['keys', 'shamir', 'create', '--shares', '3', '--threshold', '2', '--out', world.path('shares')];
    const { code, stderr } = await world.bulla(again);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/set\.json is there already/)]);
    expect(readFileSync(share(1), 'utf8')).toBe(before);
  });

  it.each([
    ['more that are needed than there are', '2', '3', /there are not so many shares/],
    ['one that is enough', '3', '1', /--threshold: must be a number from 2 to 255/],
    ['no number', 'many', '2', /--shares: must be a number/],
  ])('makes no set of %s', async (_name, shares, threshold, message) => {
    const { code, stderr } = await world.bulla([
      'keys',
      'shamir',
      'create',
      '--shares',
      shares,
      '--threshold',
      threshold,
    ]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('bulla unseal', () => {
  it('says that a vault is sealed, and how many shares it waits for, with 9', async () => {
    const { code, stdout } = await world.bulla(['unseal']);
    expect(code).toBe(9);
    expect(stdout).toMatch(/^PROCESS +STATE +SHARES +SET +KEY FOR SHARES\nhttp:\S+ +sealed +0 of 2 /);
    expect(await states('--at', running.url('vault'))).toEqual(await states());
  });

  it('sends nothing where the fingerprint is another [guard: unseal-compared]', async () => {
    const other = ['--fingerprint', Array.from({ length: 8 }, () => 'ab12').join(':')];
    const { code, stderr } = await world.bulla(['unseal', share(1), ...other]);
    expect([code, stderr]).toEqual([10, expect.stringMatching(/which is another: nothing was sent/)]);
    expect((await states())[0]).toMatchObject({ sealed: true, given: [] });
  });

  it('sends nothing where nobody compared it [guard: unseal-asked]', async () => {
    const refused = await world.bulla(['unseal', share(1)], { stdin: 'no\n' });
    expect([refused.code, refused.stderr]).toEqual([
      10,
      expect.stringMatching(/it was not compared: nothing was sent/),
    ]);
    const alone = await world.bulla(['unseal', share(1)]);
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringMatching(/vault-sealed of its log/)]);
    expect((await states())[0]).toMatchObject({ sealed: true, given: [] });
  });

  it('seals nothing to another key than the one that was compared [guard: client-unseal-key]', async () => {
    const home = new Home(world.path('home'));
    const [profile, file] = [await readProfile(home), await readKeyFile(home, IDENTITY)];
    if (profile === undefined || file === undefined) throw new Error('there is no home');
    const identity = await identityOf(file);
    const bulla = await Bulla.connect({ url: running.url('vault'), pin: profile.pin, identity });
    const text = readFileSync(share(1), 'utf8').trim();
    const other = Array.from({ length: 8 }, () => 'ab12').join(':');
    await expect(bulla.unsealing.give(text, other)).rejects.toMatchObject({ code: 'key_unknown', origin: 'client' });
    expect((await states())[0]).toMatchObject({ sealed: true, given: [] });
  });

  it('takes no file that is no share', async () => {
    const { code, stderr } = await world.bulla(['unseal', world.path('shares/set.json')]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/is not a share/)]);
  });

  it('lets doctor say what is to be done', async () => {
    const { stdout } = await world.bulla(['doctor']);
    expect(stdout).toMatch(/waits for shares of its root key; sealed names work/);
  });

  it('brings shares until there are enough', async () => {
    const first = await world.bulla(['unseal', share(3)], { stdin: 'yes\n' });
    expect([first.code, first.stdout]).toEqual([0, expect.stringMatching(/ sealed +1 of 2 \(3\) /)]);
    const twice = await world.bulla(['unseal', share(3)], { stdin: 'yes\n' });
    expect([twice.code, twice.stderr]).toEqual([3, expect.stringMatching(/was given share 3 already/)]);
    const [{ fingerprint } = { fingerprint: '' }] = await states();
    const last = await world.bulla(['unseal', share(1), '--fingerprint', fingerprint]);
    expect([last.code, last.stdout]).toEqual([0, expect.stringMatching(/ unsealed /)]);
    expect((await world.bulla(['unseal'])).code).toBe(0);
  });

  it('brings nothing more to a process that is unsealed', async () => {
    const { code, stdout } = await world.bulla(['unseal', share(2)]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/ unsealed /)]);
  });
});
