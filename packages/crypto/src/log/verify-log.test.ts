import { beforeAll, describe, expect, it } from '@jest/globals';
import { witnessSigner } from '../../test/note-signer.js';
import {
  changing,
  entriesIn,
  flipping,
  LARGE,
  one,
  ORIGIN,
  removing,
  SIZES,
  TamperedLogs,
} from '../../test/tampered-logs.js';
import type { Change } from '../../test/tampered-logs.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import { cosignCheckpoint } from './checkpoint.js';
import { verifyLog } from './verify-log.js';

const LAST = 'tile/entries/001.p/1';

let logs: TamperedLogs;

beforeAll(async () => {
  logs = await TamperedLogs.make();
});

describe('a log is verified', () => {
  it.each([...SIZES])('with all its %i entries', async (size) => {
    const kept = logs.heads().filter((head) => head.size <= size);
    expect(await logs.verified(size, undefined, kept)).toEqual({ seen: size });
  });

  it('with what its checkpoint says, and who cosigned it', async () => {
    const { files, head } = logs.of(257);
    const witness = await witnessSigner('witness.example/w1');
    const note = utf8(await cosignCheckpoint(files.get('checkpoint') ?? new Uint8Array(), 1_795_608_000, witness));
    const found = await verifyLog({
      read: async (path) => (path === 'checkpoint' ? note : files.get(path)),
      trust: { origin: ORIGIN, keys: [logs.signer.key], witnesses: [witness.key] },
    });
    expect(found.checkpoint).toEqual({ origin: ORIGIN, ...head, extensions: [] });
    expect(found.cosignatures).toEqual([{ witness: witness.key, at: 1_795_608_000 }]);
  });

  it('at an older size, from a folder that has grown since', async () => {
    const files = new Map(logs.of(600).files);
    const older = logs.of(257);
    files.set('checkpoint', older.files.get('checkpoint') ?? new Uint8Array());
    files.delete(LAST);
    // Of level 1 there is no full tile yet: a log keeps those that are not full.
    files.set('tile/1/000.p/1', older.files.get('tile/1/000.p/1') ?? new Uint8Array());
    files.set('tile/0/001', logs.of(LARGE).files.get('tile/0/001') ?? new Uint8Array());
    expect(await logs.outcomeOf(async (path) => files.get(path))).toEqual({ seen: 257 });
  });

  it('one entry after another, whatever is done with each', async () => {
    const { files } = logs.of(255);
    let busy = false;
    let seen = 0;
    await verifyLog({
      read: async (path) => files.get(path),
      trust: { origin: ORIGIN, keys: [logs.signer.key] },
      async onEntry() {
        expect(busy).toBe(false);
        busy = true;
        await Promise.resolve();
        busy = false;
        seen++;
      },
    });
    expect(seen).toBe(255);
  });
});

describe('an entry is named', () => {
  it.each([0, 255, 256, 65_535, 65_536, 69_888, 69_999])('that was changed: %i [guard: log-entry]', async (index) => {
    const bundle = Math.floor(index / 256);
    const width = bundle === 273 ? 112 : 256;
    const path = `tile/entries/${String(bundle).padStart(3, '0')}${width < 256 ? '.p/112' : ''}`;
    const change = entriesIn(path, width, (all) => all.with(index % 256, utf8('forged')));
    expect(await logs.verified(LARGE, change)).toEqual({ check: 'entry', entries: one(index), seen: index });
  });

  it('that was deleted, and what follows moved up', async () => {
    const change = entriesIn('tile/entries/000', 256, (all) => all.toSpliced(7, 1));
    expect(await logs.verified(600, change)).toEqual({ check: 'entry', entries: one(7), seen: 7 });
  });

  it('that was deleted at the end of a bundle [guard: log-entry-missing]', async () => {
    const change = entriesIn('tile/entries/000', 256, (all) => all.slice(0, 255));
    expect(await logs.verified(600, change)).toEqual({ check: 'entry', entries: one(255), seen: 255 });
  });

  it('that was put in', async () => {
    const change = entriesIn('tile/entries/000', 256, (all) => all.slice(0, 255).toSpliced(3, 0, utf8('forged')));
    expect(await logs.verified(600, change)).toEqual({ check: 'entry', entries: one(3), seen: 3 });
  });

  it('where two were exchanged: the first of them', async () => {
    const exchange = ([a, b, ...rest]: Bytes[]) => [b, a, ...rest].filter((entry) => entry !== undefined);
    const change = entriesIn('tile/entries/001', 256, exchange);
    expect(await logs.verified(600, change)).toEqual({ check: 'entry', entries: one(256), seen: 256 });
  });

  it('whose length was changed', async () => {
    expect(await logs.verified(600, flipping('tile/entries/000', 0))).toEqual({
      check: 'entry',
      entries: one(0),
      seen: 0,
    });
    expect(await logs.verified(257, flipping(LAST, 1))).toEqual({ check: 'entry', entries: one(256), seen: 256 });
  });

  it('or the bundle, where something follows its last entry [guard: log-entry-more]', async () => {
    const change = changing('tile/entries/001', (bytes) => concatBytes(bytes, Uint8Array.of(0)));
    expect(await logs.verified(600, change)).toEqual({ check: 'entry', entries: { first: 256, last: 511 }, seen: 512 });
  });

  it('that is the first of several which are not right', async () => {
    const change: Change = (files) => {
      entriesIn('tile/entries/000', 256, (all) => all.with(9, utf8('forged')))(files);
      flipping('tile/0/001')(files);
      flipping('tile/1/001.p/17')(files);
      removing('tile/0/273.p/112')(files);
    };
    expect(await logs.verified(LARGE, change)).toMatchObject({ check: 'entry', entries: one(9) });
  });
});
