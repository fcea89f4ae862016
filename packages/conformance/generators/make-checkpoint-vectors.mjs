/**
 * Vectors of the checkpoint that a reply carries (docs/spec/frames.md, docs/spec/evidence.md), with our code and keys that
 * are made for it: the same fins as a sealed reply, which the asker opens, and as an answer file. First of logs from before
 * keys had numbers, then of numbered ones.
 */

import { composeAnswer, encodeBase64url, loadSigner, sha256, utf8 } from '@bulla/crypto';
import { noteKeyOf, originOf, pinInOrigin, signCheckpoint, signNote } from '@bulla/crypto/log';
import { makeOrganisation } from '@bulla/crypto/testing';

import { castOfMembers, exchange } from '../../crypto/test/answers.ts';
import { irtOf } from '../../crypto/test/exchange.ts';
import { NOW } from '../../crypto/test/organisation.ts';
import { isPublished, read, write } from './published.mjs';

const FILES = { frames: 'frames-checkpoint.json', evidence: 'evidence-checkpoint.json' };
const DAY = 86_400;
const PROMPT = 'prm_01kbz2p8e4fxq9m3y7t5w6v8na';

const acme = await makeOrganisation({ now: NOW, suite: 'p256' });
const globex = await makeOrganisation({ org: 'globex', now: NOW, suite: 'p256' });
const [{ urn: eu1 }, us1] = acme.responders;
const LOG = `${eu1}/audit/1`;
// As it was listed before keys had numbers.
await acme.publish((draft) => {
  for (const { keys } of Object.values(draft.entities)) for (const record of keys) delete record.log;
});
const root = await sha256(utf8('a tree'));
const head = { size: 18_204, root };

/** A key of a key file by its purpose. */
async function keyOf({ keyFile }, purpose) {
  const { jwk } = keyFile.keys.find(({ pur }) => pur.includes(purpose));
  const { d: _, ...publicJwk } = jwk;
  return { signer: await loadSigner(jwk, 'Ed25519'), publicJwk };
}
const own = await keyOf(acme.responders[0], 'checkpoint');
const signedBy = async ({ signer, publicJwk }, origin = LOG) => ({ key: await noteKeyOf(origin, publicJwk), signer });
const note = async (key = own, origin = LOG) => signCheckpoint(origin, head, [await signedBy(key, origin)]);
const text = async (of, origin = LOG) => signNote(of, [await signedBy(own, origin)]);
const at = encodeBase64url;

const cases = { frames: [], evidence: [] };

/** A fin with this checkpoint, in both formats. */
async function add(name, checkpoint, expected = {}) {
  const { refused, check } = expected;
  const cast = await castOfMembers(acme, PROMPT);
  const { asked, answered, parts } = await exchange(cast, acme.author, { fin: { checkpoint: await checkpoint } });
  const { org, pin, documents } = acme;
  const frames = [...answered.frames.map((frame) => ['delta', at(frame)]), ['final', at(answered.final)]];
  const opening = {
    secret: at(asked.rsp.reveal()),
    head: at(answered.head),
    frames,
    envelope: asked.envelopeToken,
    irt: { ...irtOf(asked), ih: asked.sealed.ih },
    responder: eu1,
    organisation: { org, pin, documents },
    now: NOW + 10,
  };
  const ends = (ok) => (refused === undefined ? { ok } : { refused, check });
  cases.frames.push({
    op: 'open',
    name,
    input: opening,
    expected: ends({ deltas: answered.deltas.map(at), fin: answered.fin }),
  });
  cases.evidence.push({
    op: 'verify',
    name,
    input: { file: composeAnswer(parts), pin, now: NOW + DAY },
    expected: ends({}),
  });
}
const refused = (code, check = 'reply-checkpoint') => ({ refused: code, check });

await add('the checkpoint of the log', note());
await add('the checkpoint of a later log', note(own, `${eu1}/audit/12`));
await add('a checkpoint of an empty log', signCheckpoint(LOG, { ...head, size: 0 }, [await signedBy(own)]));
await add(
  'a checkpoint that somebody else signed too',
  (async () => {
    const foreign = await keyOf(globex.responders[0], 'checkpoint');
    const other = { key: await noteKeyOf('monitor.example', foreign.publicJwk), signer: foreign.signer };
    return signNote((await note()).split('\n\n')[0] + '\n', [await signedBy(own), other]);
  })(),
);
await add('no note', 'the newest checkpoint', refused('token_malformed'));
await add(
  'a checkpoint without its signature',
  note().then((whole) => whole.slice(0, whole.indexOf('\u2014'))),
  refused('token_malformed'),
);
await add(
  'a checkpoint without its last newline',
  note().then((whole) => whole.slice(0, -1)),
  refused('token_malformed'),
);
await add('a note that is no checkpoint', text('all is well\n'), refused('token_malformed'));
await add(
  'a checkpoint whose size has a zero before it',
  text(`${LOG}\n018204\n${btoa(String.fromCharCode(...root))}\n`),
  refused('token_malformed'),
);
await add('a checkpoint whose root is too short', text(`${LOG}\n18204\nAAAA\n`), refused('token_malformed'));
const notOwn = refused('log_inconsistent', 'reply-checkpoint-origin');
await add('a checkpoint of another responder', note(await keyOf(us1, 'checkpoint'), `${us1.urn}/audit/1`), notOwn);
await add(
  'a checkpoint of the vault',
  note(await keyOf(acme.vault, 'checkpoint'), `${acme.vault.urn}/audit/1`),
  notOwn,
);
await add('a log of the responder that has another name', note(own, `${eu1}/log/1`), notOwn);
await add('a log without a number', note(own, `${eu1}/audit/`), notOwn);
await add('a log with the number 0', note(own, `${eu1}/audit/0`), notOwn);
await add('a log with a number too long', note(own, `${eu1}/audit/1000000000`), notOwn);
await add('a log whose name only begins like that of the responder', note(own, `${eu1}/audit/1/audit/1`), notOwn);
await add('the key of another responder', note(await keyOf(us1, 'checkpoint')), refused('key_unknown'));
await add('the key of the vault', note(await keyOf(acme.vault, 'checkpoint')), refused('key_unknown'));
await add('a key that nobody lists', note(await keyOf(globex.responders[0], 'checkpoint')), refused('key_unknown'));
await add(
  'another size than was signed',
  note().then((whole) => whole.replace('18204', '18203')),
  refused('signature_invalid'),
);

// The same key pair with another purpose, then without being in use, then revoked.
const other = await keyOf(globex.responders[1], 'checkpoint');
await acme.publish((draft) => {
  const { keys } = draft.entities[eu1];
  const { log: _, ...record } = globex.responders[1].entity.keys.find(({ pur }) => pur.includes('checkpoint'));
  draft.entities[eu1] = { ...draft.entities[eu1], keys: [...keys, { ...record, pur: ['http'] }] };
});
await add('a key of the responder for another purpose', note(other), refused('key_unknown'));
await acme.publish((draft) => {
  for (const record of draft.entities[eu1].keys)
    if (record.pur.includes('checkpoint')) Object.assign(record, { nbf: NOW - 90 * DAY, use_until: NOW - DAY });
});
await add('a key that was in use until a day before', note());
await acme.publish((draft) => draft.revoked.push({ kid: own.signer.kid, reason: 'keyCompromise', at: NOW }));
await add('a revoked key', note(), refused('key_revoked'));

// Keys of the first and the second log, once keys have numbers.
const [first, second] = [other, await keyOf(globex.vault, 'checkpoint')];
await acme.publish((draft) => {
  const { keys } = draft.entities[eu1];
  const record = keys.find(({ pur }) => pur.includes('checkpoint'));
  const numbered = ({ signer, publicJwk }, log) => ({ ...record, kid: signer.kid, jwk: publicJwk, log });
  const others = keys.filter(({ kid }) => kid !== first.signer.kid);
  draft.entities[eu1] = { ...draft.entities[eu1], keys: [...others, numbered(first, 1), numbered(second, 2)] };
});
const named = (number, pin = acme.pin, urn = eu1) => originOf({ urn, number, pin: pinInOrigin(pin) });
await add('the checkpoint of a numbered log', note(first, named(1)));
await add('the checkpoint of the log after it', note(second, named(2)));
await add('a numbered log under the key of another number', note(first, named(2)), refused('key_unknown'));
await add('a log whose key nobody lists', note(second, named(3)), refused('key_unknown'));
await add('a log of before under a numbered key', note(first), refused('key_unknown'));
await add('a numbered log of an organisation with another pin', note(first, named(1, globex.pin)), notOwn);
await add('a numbered log of another responder', note(first, named(1, acme.pin, us1.urn)), notOwn);
await add('a numbered log whose number is 0', note(first, named(0)), notOwn);
await add('a numbered log whose number has a zero before it', note(first, named('01')), notOwn);
await add('a numbered log whose name goes on', note(first, `${named(1)}/audit/1`), notOwn);
await add(
  'another size than a numbered log signed',
  note(first, named(1)).then((whole) => whole.replace('18204', '18203')),
  refused('signature_invalid'),
);

for (const [format, file] of Object.entries(FILES)) {
  const { cases: published } = isPublished(file) ? read(file) : { cases: [] };
  const isNew = ({ name }) => published.every((one) => one.name !== name);
  write(file, { format, values: {}, cases: [...published, ...cases[format].filter(isNew)] });
}
