import type { Hello, Outcome, Vector } from '@bulla/conformance';
import { tryVectors } from '@bulla/conformance';
import { ALL_SUITES } from '@bulla/crypto';
import { findChromium } from '@bulla/testkit/chromium';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChromiumSide, node, type Side, startChromiumSide } from './sides.js';
import { tampered } from './tampering.js';

/** Thirteen key pairs of RSA-3072 on a busy machine. */
const KEYS_MADE_WITHIN_MS = 180_000;

/** What a side makes: with the keys of an organisation in each suite, and without any. */
const MAKINGS: readonly [what: string, make: (side: Side) => Promise<Vector[]>][] = [
  ['an organisation on rsa2048', (side) => side.run('makeForSuite', { suite: 'rsa2048' })],
  ['an organisation on rsa3072', (side) => side.run('makeForSuite', { suite: 'rsa3072' })],
  ['an organisation on p256', (side) => side.run('makeForSuite', { suite: 'p256' })],
  ['nobody in particular', (side) => side.run('makeAlone', {})],
];

// Where no browser is installed these tests cannot mean anything.
(findChromium() === undefined ? describe.skip : describe)('between Node and Chromium', () => {
  let chromium: ChromiumSide;
  beforeAll(async () => {
    chromium = await startChromiumSide();
  });
  afterAll(() => chromium.stop());

  describe.each(['Node', 'Chromium'])('%s makes and the other one gets', (maker) => {
    const sides = () => (maker === 'Node' ? [node, chromium] : [chromium, node]) as [Side, Side];

    it.each(MAKINGS)(
      'what %s seals, signs and sends, and nothing that was changed',
      async (_what, make) => {
        const [by, to] = sides();
        const vectors = await make(by);
        const results = await tryVectors(to.peer, vectors);
        expect(results.filter(({ status }) => status !== 'passed')).toEqual([]);
        for (const { op, format, name, input } of vectors.flatMap(tampered)) {
          const outcome = await to.peer.ask(op, format, input);
          expect({ format, name, outcome }).toHaveProperty('outcome.refused');
          expect({ format, name, outcome }).toEqual({ format, name, outcome: await by.peer.ask(op, format, input) });
        }
      },
      KEYS_MADE_WITHIN_MS,
    );

    it('every format there is', async () => {
      const { ok } = (await node.peer.ask('hello')) as Outcome & { ok: Hello };
      const [by] = sides();
      const vectors = [...(await by.run('makeForSuite', { suite: 'p256' })), ...(await by.run('makeAlone', {}))];
      const formats = new Set(vectors.map(({ format }) => format));
      expect(formats).toEqual(new Set([...ok.open, ...ok.verify]));
    });

    it.each(ALL_SUITES)('a key of $id in a file of each format', async ({ id: suite, seal }) => {
      const [by, to] = sides();
      const { kid, files } = await by.run('makeKeyFiles', { suite, use: seal === undefined ? 'sig' : 'enc' });
      expect(await to.run('readKeyFiles', { files })).toEqual([kid, kid, kid]);
    });
  });

  it('made no complaint on the console', () => expect(chromium.complaints).toEqual([]));
});
