import { openPlatform } from '#open-platform';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { Answered, Asked, Cast } from '../../../test/exchange.js';
import { ask, castOf, irtOf, reply, secretOf } from '../../../test/exchange.js';
import { loadOrganisation } from '../../../test/organisation.js';
import type { Bytes } from '../../encoding/bytes.js';
import { encodeBase64url, encodeHex, randomBytes, utf8 } from '../../encoding/bytes.js';
import { signJws } from '../../tokens/compact.js';
import type { FrameKind } from '../frames.js';
import { DELTA_MAX_BYTES, deriveFrameKeys, FRAME_MAX_BYTES, pad, sealFrame, TAG_BYTES } from '../frames.js';
import { finFormat, parseFin } from '../reply.js';
import { ReplyOpener } from './reply-opener.js';

let cast: Cast;
let asked: Asked;
let answered: Answered;

beforeAll(async () => {
  cast = await castOf(await loadOrganisation('acme'));
  asked = await ask(cast);
  answered = await reply(cast, asked, ['Do', ' call', ' them', '.'].map(utf8));
});

function open(head: Bytes = answered.head, of: Asked = asked): Promise<ReplyOpener> {
  return ReplyOpener.start({ rsp: of.rsp, head, expect: { iss: cast.responder.urn, irt: irtOf(of) } });
}

type Step = readonly [kind: FrameKind, frame: Bytes];

/** Plays steps into a fresh opener: the deltas it gave out, and the code it stopped with, or the end. */
async function play(steps: readonly Step[], head?: Bytes): Promise<{ deltas: string[]; end: string }> {
  const opener = await open(head);
  const deltas: string[] = [];
  try {
    for (const [kind, frame] of steps) {
      if (kind === 'final') await opener.openFinal(frame);
      else deltas.push(encodeHex(await opener.openFrame(frame)));
    }
    return { deltas, end: opener.transcript.n === deltas.length ? 'complete' : 'wrong' };
  } catch (error) {
    return { deltas, end: (error as { code: string }).code };
  }
}

function firstFrame({ frames: [first] }: Answered = answered): Bytes {
  if (first === undefined) throw new Error('the reply has no frames');
  return first;
}

function honest(): Step[] {
  return [...answered.frames.map((frame) => ['delta', frame] as const), ['final', answered.final]];
}

/** A frame that the responder's keys seal but its code never would. */
async function sealedBy(head: Bytes, index: number, kind: FrameKind, padded: Bytes): Promise<Bytes> {
  return sealFrame(await deriveFrameKeys(asked.rsp, head), index, kind, padded);
}

describe('ReplyOpener', () => {
  it('delivers every delta as it comes and the fin at the end', async () => {
    const opener = await open();
    for (const [index, frame] of answered.frames.entries()) {
      expect(encodeHex(await opener.openFrame(frame))).toBe(encodeHex(answered.deltas[index] ?? utf8('')));
    }
    expect(await opener.openFinal(answered.final)).toBe(answered.fin);
    const bytes = answered.deltas.reduce((sum, { length }) => sum + length, 0);
    expect(opener.transcript).toMatchObject({ n: answered.frames.length, bytes });
  });

  it('opens an answer without any delta', async () => {
    const empty = await reply(cast, asked, []);
    expect(await play([['final', empty.final]], empty.head)).toEqual({ deltas: [], end: 'complete' });
  });

  it('opens a delta as long as it may be', async () => {
    const longest = new Uint8Array(DELTA_MAX_BYTES).fill(7);
    const frame = await sealedBy(answered.head, 0, 'delta', pad(longest, 'delta'));
    expect(frame).toHaveLength(FRAME_MAX_BYTES + TAG_BYTES);
    expect(await (await open()).openFrame(frame)).toEqual(longest);
  });

  it('does not decrypt a frame that is longer, even one rightly sealed', async () => {
    const frame = await sealedBy(answered.head, 0, 'delta', new Uint8Array(FRAME_MAX_BYTES + 1));
    const opener = await open();
    const decrypting = jest.spyOn(openPlatform, 'openGcm');
    await expect(opener.openFrame(frame)).rejects.toMatchObject({ code: 'open_failed' });
    const times = decrypting.mock.calls.length;
    decrypting.mockRestore();
    expect(times).toBe(0);
  });

  it.each<[string, () => Step[], number, string]>([
    ['truncated before the final [refuses: truncated-stream]', () => honest().slice(0, -1), 4, 'stream_truncated'],
    ['truncated within', () => honest().toSpliced(-2, 1), 3, 'open_failed'],
    ['with nothing at all', () => [], 0, 'stream_truncated'],
    ['with a final alone', () => honest().slice(-1), 0, 'open_failed'],
    [
      'reordered [guard: frame-order]',
      () => [1, 0, 2, 3, 4].flatMap((at) => honest().slice(at, at + 1)),
      0,
      'open_failed',
    ],
    ['with its first frame dropped', () => honest().slice(1), 0, 'open_failed'],
    ['with a frame duplicated', () => honest().toSpliced(1, 0, ...honest().slice(0, 1)), 1, 'open_failed'],
    ['with a frame as final', () => [['final', firstFrame()]], 0, 'open_failed'],
    ['with the final as a frame', () => honest().map(([, frame]): Step => ['delta', frame]), 4, 'open_failed'],
    ['with a frame after the final', () => [...honest(), ...honest().slice(0, 1)], 4, 'stream_truncated'],
    [
      'with the final twice [guard: frame-after-end]',
      () => [...honest(), ...honest().slice(-1)],
      4,
      'stream_truncated',
    ],
    ['with an empty frame', () => [['delta', new Uint8Array(0)]], 0, 'open_failed'],
    ['with a frame cut short', () => [['delta', firstFrame().slice(0, -1)]], 0, 'open_failed'],
    ['with a frame that is too long', () => [['delta', new Uint8Array(FRAME_MAX_BYTES + 17)]], 0, 'open_failed'],
  ])('refuses a reply %s', async (_name, steps, delivered, end) => {
    const played = await play(steps());
    expect(played).toMatchObject({ end });
    expect(played.deltas).toHaveLength(delivered);
  });

  it('stays closed after a refusal, even for the right frame', async () => {
    const opener = await open();
    const [first = utf8(''), second = utf8('')] = answered.frames;
    await expect(opener.openFrame(second)).rejects.toMatchObject({ code: 'open_failed' });
    await expect(opener.openFrame(first)).rejects.toMatchObject({ code: 'stream_truncated' });
    await expect(opener.openFinal(answered.final)).rejects.toMatchObject({ code: 'stream_truncated' });
    expect(() => opener.transcript).toThrow(expect.objectContaining({ code: 'stream_truncated' }));
  });

  it('takes one frame at a time', async () => {
    const opener = await open();
    const [first = utf8(''), second = utf8('')] = answered.frames;
    const together = [opener.openFrame(first), opener.openFrame(second)];
    await expect(together[1]).rejects.toMatchObject({ code: 'stream_truncated' });
    await expect(together[0]).resolves.toBeDefined();
  });

  it.each<[string, () => Promise<Answered>]>([
    ['another reply to the same question [guard: reply-key-salt]', () => reply(cast, asked, answered.deltas)],
    [
      'a reply under another secret',
      () => reply(cast, { ...asked, rsp: secretOf(encodeBase64url(randomBytes(32))) }, answered.deltas),
    ],
  ])('refuses the frames of %s', async (_name, make) => {
    const other = await make();
    const first = firstFrame(other);
    expect(await play([['delta', first]])).toEqual({ deltas: [], end: 'open_failed' });
    expect(await play([['final', other.final]])).toEqual({ deltas: [], end: 'open_failed' });
  });

  it.each<[string, (head: Record<string, unknown>) => object | string, string]>([
    ['of another responder', (head) => ({ ...head, iss: 'urn:bulla:acme:svc:responder:us1' }), 'envelope_tampered'],
    [
      'to another question [guard: head-question]',
      (head) => ({ ...head, irt: { ...irtOf(asked), jti: 'inv_01kbz2p8e4fxq9m3y7t5w6v8na' } }),
      'envelope_tampered',
    ],
    [
      'to the same question sealed otherwise',
      (head) => ({ ...head, irt: { ...irtOf(asked), rh: 'A'.repeat(43) } }),
      'envelope_tampered',
    ],
    ['with a member more', (head) => ({ ...head, kid: 'x' }), 'token_malformed'],
    ['that is missing [refuses: missing-head]', () => '', 'token_malformed'],
  ])('refuses a head %s', async (_name, change, code) => {
    const head = change(JSON.parse(new TextDecoder().decode(answered.head)) as Record<string, unknown>);
    const check = code === 'envelope_tampered' ? 'reply-head' : undefined;
    const opening = open(utf8(typeof head === 'string' ? head : JSON.stringify(head)));
    await expect(opening).rejects.toMatchObject({ code, check });
  });

  it('refuses a foreign head: it salts the key', async () => {
    const other = await reply(cast, asked, []);
    expect(await play(honest(), other.head)).toEqual({ deltas: [], end: 'open_failed' });
  });

  it.each<[string, () => Promise<Step[]>]>([
    [
      'says final in its padding and not in its AAD [guard: frame-final-type]',
      async () => [['delta', await sealedBy(answered.head, 0, 'delta', pad(utf8(answered.fin), 'final'))]],
    ],
    [
      'says final in its AAD and not in its padding',
      async () => [['final', await sealedBy(answered.head, 0, 'final', pad(utf8(answered.fin), 'delta'))]],
    ],
    ['has no type byte', async () => [['delta', await sealedBy(answered.head, 0, 'delta', new Uint8Array(64))]]],
    [
      'is not padded to 64 bytes [guard: frame-block]',
      async () => [['delta', await sealedBy(answered.head, 0, 'delta', pad(utf8('x'), 'delta').slice(0, 32))]],
    ],
  ])('refuses a frame that %s, rightly sealed', async (_name, steps) => {
    expect(await play(await steps())).toEqual({ deltas: [], end: 'open_failed' });
  });

  it.each<[string, number, string]>([
    ['fewer deltas than were opened [guard: frame-truncated]', 3, 'stream_truncated'],
    ['more deltas than were opened', 5, 'stream_truncated'],
  ])('refuses a fin that counts %s, rightly sealed', async (_name, count, end) => {
    const others = await reply(
      cast,
      asked,
      Array.from({ length: count }, () => utf8('x')),
    );
    const final = await sealedBy(answered.head, 4, 'final', pad(utf8(others.fin), 'final'));
    expect(await play([...honest().slice(0, -1), ['final', final]])).toMatchObject({ end });
  });

  it.each([
    ['deltas', { n: 5 }],
    ['bytes', { bytes: 1 }],
  ])('refuses a fin that counts other %s though it hashes the same', async (_name, change) => {
    const { claims } = parseFin(answered.fin);
    const fin = await signJws(finFormat, { ...claims, ...change }, cast.responder.signer);
    const final = await sealedBy(answered.head, 4, 'final', pad(utf8(fin), 'final'));
    expect(await play([...honest().slice(0, -1), ['final', final]])).toMatchObject({ end: 'stream_truncated' });
  });

  it('refuses a fin over other deltas of the same count and length', async () => {
    const others = await reply(
      cast,
      asked,
      answered.deltas.map(({ length }) => new Uint8Array(length)),
    );
    const final = await sealedBy(answered.head, 4, 'final', pad(utf8(others.fin), 'final'));
    expect(await play([...honest().slice(0, -1), ['final', final]])).toMatchObject({ end: 'stream_truncated' });
  });

  it.each([
    ['is no token', utf8('fin')],
    ['is not UTF-8', Uint8Array.of(0xff)],
  ])('refuses a fin that %s as truncated', async (_name, fin) => {
    const final = await sealedBy(answered.head, 4, 'final', pad(fin, 'final'));
    expect(await play([...honest().slice(0, -1), ['final', final]])).toMatchObject({ end: 'stream_truncated' });
  });

  it('delivers an exact prefix of the deltas, and the end only of the whole', async () => {
    const all = honest();
    const whole = answered.deltas.map(encodeHex);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: all.length - 1 }), { maxLength: 7 }), async (order) => {
        const { deltas, end } = await play(order.flatMap((at) => all.slice(at, at + 1)));
        expect(deltas).toEqual(whole.slice(0, deltas.length));
        expect(end === 'complete').toBe(order.join() === '0,1,2,3,4');
      }),
      { numRuns: 300, examples: [[[0, 1, 2, 3, 4]], [[0, 1, 2, 3, 4, 4]]] },
    );
  });

  it('ends as truncated after any loss, move or doubling, whatever comes then', async () => {
    const all = honest();
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4]), fc.nat({ max: 4 }), async (order, again) => {
        const steps = [...order, ...order.slice(again)];
        fc.pre(order.join() !== '0,1,2,3,4');
        const opener = await open();
        for (const at of steps) {
          const [kind, frame] = all[at] ?? (['delta', utf8('')] as const);
          await (kind === 'final' ? opener.openFinal(frame) : opener.openFrame(frame)).catch(() => undefined);
        }
        // A prefix of deltas has not failed yet: it ends where its stream ends, without a fin.
        expect(() => opener.transcript).toThrow(expect.objectContaining({ code: 'stream_truncated' }));
        const isOpen = steps.every((at, index) => at === index && at < 4);
        const late = await opener.openFinal(answered.final).then(
          () => 'complete',
          (error: unknown) => (error as { code: string }).code,
        );
        expect(late).toBe(isOpen ? (steps.length === 4 ? 'complete' : 'open_failed') : 'stream_truncated');
      }),
      {
        numRuns: 300,
        examples: [
          [[], 0],
          [[0, 1, 2, 3], 4],
          [[1], 0],
        ],
      },
    );
  });

  it('never opens a frame with one bit flipped', async () => {
    const frame = firstFrame();
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const flipped = frame.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await play([['delta', flipped]])).toEqual({ deltas: [], end: 'open_failed' });
    }
  });
});
