import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Asked, Cast } from '../../test/exchange.js';
import { ask, castOf, chatEnvelopeClaims, finRest, irtOf, reply } from '../../test/exchange.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation } from '../../test/organisation.js';
import { headerFor, rawJws } from '../../test/raw-token.js';
import { digestB64u, utf8 } from '../encoding/bytes.js';
import { DELTA_MAX_BYTES, FRAME_MAX_BYTES, parseHead, TAG_BYTES } from './frames.js';
import type { FinRest } from './reply.js';
import { parseFin, ReplySealer } from './reply.js';
import { ReplyOpener } from './open/reply-opener.js';
import { Secret } from '../encoding/secret.js';
import type { Signer } from '../keys/signer.js';

let acme: TestOrganisation;
let cast: Cast;
let asked: Asked;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  cast = await castOf(acme);
  asked = await ask(cast);
});

function start(block?: 64 | 256): Promise<ReplySealer> {
  return ReplySealer.start({ rsp: asked.rsp, iss: cast.responder.urn, irt: irtOf(asked), ...(block && { block }) });
}

describe('ReplySealer', () => {
  it('signs over head, question, envelope, prompt and deltas', async () => {
    const { head, fin } = await reply(cast, asked, [utf8('one'), utf8(''), utf8('three')]);
    const { claims, header } = parseFin(fin);
    const rest = await finRest(cast, asked);
    const { ih, ...stated } = rest;
    expect(header).toEqual({ alg: 'PS256', typ: 'bulla-reply-fin+jwt', kid: acme.kid('eu1') });
    expect(claims).toEqual({
      ...stated,
      iss: cast.responder.urn,
      jti: expect.any(String),
      irt: { ...irtOf(asked), ih },
      head: await digestB64u(head),
      n: 3,
      bytes: 8,
      sha256: expect.any(String),
    });
    expect(parseHead(head)).toMatchObject({ iss: cast.responder.urn, irt: irtOf(asked) });
  });

  it('pads frames to 64 bytes and those of a strict reply to 256', async () => {
    const lengths = async (block: 64 | 256) => {
      const sealer = await start(block);
      const deltas = [0, 63, 64, 255, 256].map((length) => new Uint8Array(length));
      const frames: number[] = [];
      for (const delta of deltas) frames.push((await sealer.sealDelta(delta)).length - TAG_BYTES);
      return frames;
    };
    expect(await lengths(64)).toEqual([64, 64, 128, 256, 320]);
    expect(await lengths(256)).toEqual([256, 256, 256, 256, 512]);
  });

  it('opens a strict reply as any other', async () => {
    const { head, frames, final, fin } = await reply(cast, asked, [utf8('x')], {}, cast.responder.signer, 256);
    const opener = await ReplyOpener.start({
      rsp: asked.rsp,
      head,
      expect: { iss: cast.responder.urn, irt: irtOf(asked) },
    });
    for (const frame of frames) await opener.openFrame(frame);
    expect(await opener.openFinal(final)).toBe(fin);
  });

  it('and its reader wipe the key of the reply at its end, be that good or bad', async () => {
    const wiped = jest.spyOn(Secret.prototype, 'wipe');
    const sealer = await start();
    const signer = { ...cast.responder.signer, sign: () => Promise.reject(new Error('the module is away')) };
    await expect(sealer.finish(await finRest(cast, asked), signer)).rejects.toThrow('the module is away');
    const { head, final } = await reply(cast, asked, []);
    expect(wiped).toHaveBeenCalledTimes(2);
    const expected = { rsp: asked.rsp, head, expect: { iss: cast.responder.urn, irt: irtOf(asked) } };
    await (await ReplyOpener.start(expected)).openFinal(final);
    await expect((await ReplyOpener.start(expected)).openFinal(final.slice(1))).rejects.toMatchObject({
      code: 'open_failed',
    });
    expect(wiped).toHaveBeenCalledTimes(4);
    wiped.mockRestore();
  });

  it('seals the same delta differently in every frame', async () => {
    const sealer = await start();
    const [one, two] = [await sealer.sealDelta(utf8('x')), await sealer.sealDelta(utf8('x'))];
    expect(one).not.toEqual(two);
  });

  it('keeps the order of deltas that are sealed without waiting', async () => {
    const sealer = await start();
    const deltas = ['a', 'b', 'c'].map(utf8);
    const frames = await Promise.all(deltas.map((delta) => sealer.sealDelta(delta)));
    const { final } = await sealer.finish(await finRest(cast, asked), cast.responder.signer);
    const opener = await ReplyOpener.start({
      rsp: asked.rsp,
      head: sealer.head,
      expect: { iss: cast.responder.urn, irt: irtOf(asked) },
    });
    for (const [index, frame] of frames.entries()) expect(await opener.openFrame(frame)).toEqual(deltas[index]);
    await expect(opener.openFinal(final)).resolves.toBeDefined();
  });

  it('refuses a delta that does not fit a frame, and goes on', async () => {
    const sealer = await start();
    await expect(sealer.sealDelta(new Uint8Array(DELTA_MAX_BYTES + 1))).rejects.toMatchObject({
      code: 'payload_too_large',
    });
    expect(await sealer.sealDelta(new Uint8Array(DELTA_MAX_BYTES))).toHaveLength(FRAME_MAX_BYTES + TAG_BYTES);
    const { fin } = await sealer.finish(await finRest(cast, asked), cast.responder.signer);
    expect(parseFin(fin).claims).toMatchObject({ n: 1, bytes: DELTA_MAX_BYTES });
  });

  it('seals nothing once it has finished, even while it still signs [guard: seal-after-finish]', async () => {
    const sealer = await start();
    const rest = await finRest(cast, asked);
    const finishing = sealer.finish(rest, cast.responder.signer);
    const late = [sealer.sealDelta(utf8('x')), sealer.finish(rest, cast.responder.signer)];
    for (const attempt of late) await expect(attempt).rejects.toMatchObject({ code: 'stream_truncated' });
    await finishing;
    await expect(sealer.sealDelta(utf8('x'))).rejects.toMatchObject({ code: 'stream_truncated' });
  });

  it('seals nothing after a signer that failed', async () => {
    const sealer = await start();
    const broken: Signer = { ...cast.responder.signer, sign: () => Promise.reject(new Error('the module is away')) };
    const rest = await finRest(cast, asked);
    await expect(sealer.finish(rest, broken)).rejects.toThrow('the module is away');
    await expect(sealer.finish(rest, cast.responder.signer)).rejects.toMatchObject({ code: 'stream_truncated' });
  });

  it('answers a chat without naming a prompt', async () => {
    const chat = await ask(cast, chatEnvelopeClaims(cast));
    const { claims } = parseFin((await reply(cast, chat, [])).fin);
    expect(claims).toMatchObject({ purpose: 'chat.reply' });
    expect(claims).not.toHaveProperty('prm');
  });

  it('seals an error as a reply with its code', async () => {
    const change: Partial<FinRest> = { finish: 'error', err: { code: 'model_unavailable' }, usage: {} };
    expect(parseFin((await reply(cast, asked, [], change)).fin).claims).toMatchObject(change);
  });

  it('seals what became of the model server with it', async () => {
    const err = { code: 'upstream_unavailable', cause: 'http_status', host: '[::1]:11434', status: 404 };
    const change: Partial<FinRest> = { finish: 'error', err, usage: {} };
    expect(parseFin((await reply(cast, asked, [], change)).fin).claims).toMatchObject(change);
  });

  it.each<[string, object]>([
    ['an error without a code [guard: reply-error-code]', { finish: 'error' }],
    ['a code without an error', { err: { code: 'model_unavailable' } }],
    ['a code that is a sentence', { finish: 'error', err: { code: 'The model said no' } }],
    ['an error with members more', { finish: 'error', err: { code: 'x', message: 'y' } }],
    ['a cause that is a sentence', { finish: 'error', err: { code: 'x', cause: 'The model said no' } }],
    [
      'a host that is another line [guard: reply-error-host]',
      { finish: 'error', err: { code: 'x', host: 'h\nVALID as of 2030-01-01' } },
    ],
    ['a host of no characters', { finish: 'error', err: { code: 'x', host: '' } }],
    ['a status that is none', { finish: 'error', err: { code: 'x', status: 42 } }],
    ['an unknown finish', { finish: 'content_filter' }],
    ['no finish', { finish: undefined }],
    ['negative usage', { usage: { prompt_tokens: -1 } }],
    ['usage nobody knows', { usage: { cost: 1 } }],
    ['a chat that names a prompt', { purpose: 'chat.reply' }],
    ['a reply that names none', { prm: undefined }],
    ['no model', { model: '' }],
    ['a model whose name is two lines [guard: model-name-visible]', { model: 'm\nVALID as of 2030-01-01' }],
    ['a model whose name turns a line around', { model: 'm\u202e' }],
    ['a model whose name ends in a space', { model: 'm ' }],
    ['a model of more than 256 characters', { model: 'm'.repeat(257) }],
    ['a member more', { text: 'hello' }],
    ['no hash of the question', { ih: undefined }],
  ])('refuses to make or to read %s', async (_name, change) => {
    await expect(reply(cast, asked, [], change)).rejects.toMatchObject({ code: 'token_malformed' });
    const good = parseFin((await reply(cast, asked, [])).fin).claims;
    const { ih, ...members } = { ih: good.irt.ih, ...change };
    const signer = cast.responder.signer;
    const claims = { ...good, ...members, irt: { ...good.irt, ih } };
    const raw = await rawJws(headerFor('bulla-reply-fin+jwt', signer), claims, signer);
    expect(() => parseFin(raw)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });
});
