import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { toldHead, withTold } from '../src/audit/told/told-heads.js';
import { withHead } from '../src/audit/kept-heads.js';
import { AuditWorld } from './audit-world.js';
import type { HeldLog } from './held-log.js';

// A log of which entries are gone cannot be shown to begin with what was seen of it: what is known of it is held together.

let all: AuditWorld;
let second: HeldLog;
beforeAll(async () => {
  all = await AuditWorld.make('numbered');
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await all.begin();
  all.vault = [await all.log('vault').beginAfter()];
  await all.fill(5);
  second = await all.log('vault', 2).beginAfter(all.first);
  await second.sign();
  all.vault.push(second);
  await all.sign();
});

/** Another log under the same name. */
async function otherLog(count: number): Promise<HeldLog> {
  const other = await all.log('vault').beginAfter();
  await other.fill(count - 1);
  await other.sign();
  return other;
}

async function change(make: (state: NonNullable<Awaited<ReturnType<typeof all.store.load>>>) => object): Promise<void> {
  const { pin } = all.world.organisation;
  await all.auditor.trust();
  await all.store.update('acme', pin, (state) => {
    if (state === undefined) throw new Error('nothing is known of it');
    return { ...state, ...make(state) };
  });
}
/** Remembers a head as an answer brought it. */
const tell = ({ checkpoint }: HeldLog) => change((state) => withTold(state, toldHead(checkpoint ?? '')));
/** Remembers one as it was verified. */
const keep = ({ origin, head }: HeldLog) => change(({ heads }) => ({ heads: head && withHead(heads, origin, head) }));

/** Takes the first log away, or its end. */
async function lose(how: 'all' | 'end'): Promise<HeldLog> {
  const { first } = all;
  if (how === 'all') all.vault = [second];
  else {
    first.entries.length = 3;
    await first.sign();
  }
  return first;
}

async function lossesOf(log: HeldLog) {
  const { logs } = await all.verdict();
  return logs.find(({ origin }) => origin === log.origin)?.losses ?? [];
}

describe.each(['all', 'end'] as const)('what is gone of a log (%s)', (how) => {
  it.each([
    ['told', tell],
    ['verified', keep],
  ])('was forked where another tree was %s than the next log names [guard: audit-fork-gone]', async (_name, see) => {
    const [named, other] = [all.first.head, await otherLog(6)];
    await see(other);
    const first = await lose(how);
    const found = await lossesOf(first);
    expect(found.map(({ kind }) => kind)).toEqual(['lost', 'fork']);
    expect(found[1]).toMatchObject({
      message: 'two trees of 6 entries were signed, and nobody shows either',
      known: { size: 6, root: other.head?.root },
      shown: { size: 6, root: named?.root },
    });
    await all.auditor.audit.acceptLosses(found);
    const accepted = (await lossesOf(first)).filter(({ acceptedAt }) => acceptedAt !== undefined);
    expect(accepted.map(({ kind }) => kind)).toEqual(['lost', 'fork']);
  });

  it('was not where it is the same tree, or one of another size', async () => {
    await tell(all.first);
    await tell(await otherLog(8));
    expect((await lossesOf(await lose(how))).map(({ kind }) => kind)).toEqual(['lost']);
  });
});
