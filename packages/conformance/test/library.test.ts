import { libraryPeer, readCrossings, readVectors, tryCrossings } from '@bulla/conformance';
import type { Hello, Outcome } from '@bulla/conformance';
import { describe, expect, it } from '@jest/globals';

describe('@bulla/crypto', () => {
  it.each(readVectors())('$id $op $format: $name', async ({ op, format, input, expected }) => {
    expect(await libraryPeer.ask(op, format, input)).toMatchObject(expected);
  });

  it.each(readCrossings())('$id opens what it seals: $format $name', async (crossing) => {
    expect(await tryCrossings(libraryPeer, libraryPeer, [crossing])).toMatchObject([{ status: 'passed' }]);
  });

  it('says what it has', async () => {
    const formats = (op: string) => [...new Set(readVectors().flatMap((one) => (one.op === op ? [one.format] : [])))];
    const { ok } = (await libraryPeer.ask('hello')) as Outcome & { ok: Hello };
    expect(ok).toMatchObject({ name: '@bulla/crypto' });
    expect(ok.open.toSorted()).toEqual(formats('open').toSorted());
    expect(ok.verify.toSorted()).toEqual(formats('verify').toSorted());
    expect(new Set(readCrossings().map(({ format }) => format))).toEqual(new Set(ok.seal));
  });

  it('does not say that it has what it has not', async () => {
    expect(await libraryPeer.ask('open', 'scroll', {})).toEqual({ unsupported: true });
    expect(await libraryPeer.ask('verify')).toEqual({ unsupported: true });
  });

  it('fails where it gets what is no input', async () => {
    expect(await libraryPeer.ask('open', 'letter', {})).toHaveProperty('failed');
  });
});
