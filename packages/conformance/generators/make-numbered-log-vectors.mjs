/**
 * Vectors of exports with numbered logs (docs/spec/audit-log.md, Several logs of a service): what a verifier says of each
 * log of a service beside the others. Keys and documents are made once and stay in the file; all cases follow from them, so
 * that a case which would be another one now is seen.
 */
import { isDeepStrictEqual } from 'node:util';
import { encodeBase64url, generateKeyPair, loadSigner, privateJwkOf, utf8 } from '@bulla/crypto';
import { noteKeyOf, originOf, pinInOrigin } from '@bulla/crypto/log';
import { makeOrganisation, makeTiledLog } from '@bulla/crypto/testing';
import { isPublished, read, write } from './published.mjs';

const FILE = 'golden/numbered-logs.json';
const NOW = 1_800_000_000;
const ORG = 'acme';

/**
 * An organisation of which each directory lists the key of one log of the vault more. From the second one on there is a
 * responder from before keys had numbers, with a key for its second log.
 */
async function make() {
  const made = await makeOrganisation({ org: ORG, now: NOW - 7200, suite: 'p256' });
  const { urn, keyFile } = made.vault;
  const recordOf = ({ entity }) => entity.keys.find(({ log }) => log === 1);
  const privateOf = ({ keyFile: { keys: all } }, kid) => privateJwkOf(all.find((one) => one.kid === kid));
  const first = recordOf(made.vault);
  const keys = { 'vault 1': privateOf({ keyFile }, first.kid) };
  const makeKey = async (name, log) => {
    const { kid, publicJwk: jwk, privateJwk } = await generateKeyPair('ed25519', 'sig');
    keys[name] = privateJwk;
    return { ...first, kid, jwk, log };
  };
  const responder = await made.makeResponder('local');
  const { log: _, ...unnumbered } = recordOf(responder);
  keys.responder = privateOf(responder, unnumbered.kid);
  const others = responder.entity.keys.filter(({ kid }) => kid !== unnumbered.kid);
  const own = [...others, unnumbered, await makeKey('responder 2', 2)];
  const directories = [made.documents.directory];
  for (const log of [2, 3]) {
    const record = await makeKey(`vault ${log}`, log);
    await made.publish((draft) => {
      draft.entities[urn].keys.push(record);
      draft.entities[responder.urn] = { ...responder.entity, keys: own };
    });
    directories.push(made.documents.directory);
  }
  await makeKey('unlisted');
  const { roots, policy } = made.documents;
  return { format: 'numbered-logs', org: ORG, pin: made.pin, now: NOW, keys, roots, policy, directories };
}

const { cases: published = [], ...shared } = isPublished(FILE) ? read(FILE) : await make();
const { pin, keys } = shared;

const VAULT = `urn:bulla:${ORG}:svc:vault`;
const RESPONDER = `urn:bulla:${ORG}:svc:responder:local`;
const named = (number, urn = VAULT) => originOf({ urn, number, pin: pinInOrigin(pin) });
const OTHER_PIN = `bulla/${'0'.repeat(16)}/${ORG}/vault/audit/`;

/** An entry that the service makes by itself. */
const entry = (number, index, act, obj) =>
  JSON.stringify({
    v: 1,
    id: `aud_01k9z3q8e4fxq9m3y7t5w6v${number}${String(index).padStart(2, '0')}`,
    t: `2027-01-15T07:0${number}:0${index}.000Z`,
    org: ORG,
    act,
    res: 'ok',
    who: { type: 'service' },
    obj,
  });
const begin = (number, before, index = 0) => entry(number, index, 'log.begin', { log: number, before });
/** Entries from an index on. */
const more = (number, count, from = 1, kek = 0) =>
  Array.from({ length: count }, (_, at) => entry(number, from + at, 'kek.destroy', { kek: kek + from + at }));

/** A log of these entries, signed under a key by its name, and what a later log says of it. */
async function signed(number, entries, { by = `vault ${number}`, urn = VAULT, origin = named(number, urn) } = {}) {
  const signer = await loadSigner(keys[by], 'Ed25519');
  const key = await noteKeyOf(origin, signer.publicJwk);
  const { head, files } = await makeTiledLog(entries.map(utf8), { key, signer });
  const line = new TextDecoder().decode(files.get('checkpoint')).split('\n').at(-2);
  return {
    path: logPath(urn, number),
    urn,
    origin,
    files,
    note: { origin, size: head.size, root: encodeBase64url(head.root), line },
  };
}
const logPath = (urn, number) => `logs/${urn.split(':svc:')[1].replace(':', '-')}-${number}`;
const said = (...notes) => notes.map((note, at) => ({ log: at + 1, note }));

const cases = [];
/**
 * An export.
 * @param {string} name
 * @param {number} directory the newest that it has
 * @param {readonly object[]} logs
 * @param {readonly object[]} verdicts of each log that is known, the lowest number first
 * @param {object} [rest] of what is expected
 */
function add(name, directory, logs, verdicts, rest = {}) {
  const index = {
    v: 1,
    org: ORG,
    pin,
    made: '2027-01-15T07:30:00Z',
    logs: logs.map(({ path, origin, urn }) => ({ path, origin, urn })),
  };
  const files = logs.flatMap(({ path: folder, files: own }) =>
    [...own].map(([path, bytes]) => [`${folder}/${path}`, encodeBase64url(bytes)]),
  );
  const all = Object.fromEntries([...files, ['bundle.json', encodeBase64url(utf8(JSON.stringify(index)))]]);
  const valid = verdicts.every(({ refused }) => refused === undefined);
  cases.push({ name, directory, files: all, expected: { valid, logs: verdicts, older: [], ...rest } });
}
const good = (number, counts, origin = named(number)) => ({ origin, counts });
/** What is lost or late is no failure of the chain: what counts of the log still counts. */
const loss = (number, check, counts) => ({ ...good(number, counts), refused: 'log_inconsistent', check });
const bad = (number, refused, check, origin = named(number)) => ({ origin, refused, ...(check && { check }) });
const unfit = (number) => bad(number, 'token_malformed', 'entry-form');

const one = await signed(1, [begin(1, []), ...more(1, 2)]);
/** A second log after a first one. */
const after = (note, entries = more(2, 1), how = {}) => signed(2, [begin(2, said(note)), ...entries], how);
const two = await after(one.note);
const third = (...notes) => signed(3, [begin(3, said(...notes))]);

add('a first log', 1, [one], [good(1, 3)]);
add('a second log that names the first', 2, [one, two], [good(1, 3), good(2, 2)]);
add('a second log that names a first one of one entry', 2, ...(await afterOne()));
add(
  'a third log that names both before it',
  3,
  [one, two, await third(one.note, two.note)],
  [good(1, 3), good(2, 2), good(3, 1)],
);
add('a second log after a number that never began', 2, [await after(null)], [good(2, 2)]);
add('a third log after a number that never began', 3, [one, await third(one.note, null)], [good(1, 3), good(3, 1)]);
add('an export from before the newest log', 3, [one, two], [good(1, 3), good(2, 2)], {
  older: [{ service: VAULT, newest: 2, known: 3 }],
});

async function afterOne() {
  const short = await signed(1, [begin(1, [])]);
  return [
    [short, await after(short.note)],
    [good(1, 1), good(2, 2)],
  ];
}

// What came after the next log began.
const longer = await signed(1, [begin(1, []), ...more(1, 4)]);
add('entries behind the head that the second log names', 2, [longer, two], [loss(1, 'late', 3), good(2, 2)]);
add(
  'a log of which the second one says that it never began',
  2,
  [one, await after(null)],
  [loss(1, 'late', 0), good(2, 2)],
);
const shorter = await signed(1, [begin(1, []), ...more(1, 1)]);
add(
  'entries behind the smaller head of two that later logs name',
  3,
  [one, two, await third(shorter.note, two.note)],
  [loss(1, 'late', 2), good(2, 2), good(3, 1)],
);
const odd = [begin(1, []), ...more(1, 2), entry(1, 3, 'moon.rise', {})];
add('a late entry that is none', 2, [await signed(1, odd), two], [loss(1, 'late', 3), good(2, 2)]);

// What is gone.
add('a first log that the second names and nobody shows', 2, [two], [loss(1, 'lost', 0), good(2, 2)]);
add(
  'a second log that the third names and nobody shows',
  3,
  [one, await third(one.note, two.note)],
  [good(1, 3), loss(2, 'lost', 0), good(3, 1)],
);
add('a first log without its end', 2, [shorter, two], [loss(1, 'lost', 2), good(2, 2)]);

// Two trees of one log.
const forked = (count) => signed(1, [begin(1, []), ...more(1, count, 1, 70)]);
const fork = bad(1, 'log_inconsistent', 'fork');
add('another tree of the size that the second log names', 2, [await forked(2), two], [fork, good(2, 2)]);
add(
  'a larger tree that does not begin with the one that the second log names',
  2,
  [await forked(3), two],
  [fork, good(2, 2)],
);
add(
  'trees of one size that two later logs name',
  3,
  [one, two, await third((await forked(2)).note, two.note)],
  [fork, good(2, 2), good(3, 1)],
);

// Keys and names.
const logKey = (number, origin) => bad(number, 'log_inconsistent', 'log-key', origin);
add(
  'a second log under the key of the first',
  2,
  [one, await after(one.note, [], { by: 'vault 1' })],
  [good(1, 3), logKey(2)],
);
add(
  'a first log under the key of the second',
  2,
  [await signed(1, [begin(1, [])], { by: 'vault 2' }), two],
  [logKey(1), good(2, 2)],
);
const old = `${VAULT}/audit/1`;
add(
  'the old name of a first log under a numbered key',
  1,
  [await signed(1, [begin(1)], { origin: old })],
  [logKey(1, old)],
);
add(
  'a first log whose name has another pin',
  1,
  [await signed(1, [begin(1, [])], { origin: `${OTHER_PIN}1` })],
  [bad(1, 'log_inconsistent', 'origin', `${OTHER_PIN}1`)],
);
const unlisted = await signed(1, [begin(1, [])], { by: 'unlisted' });
add(
  'a first log under a key that no directory lists',
  2,
  [unlisted, await after(unlisted.note)],
  [bad(1, 'key_unknown'), good(2, 2)],
);

// A log from before keys had numbers, and the numbered one after it.
const OLD = `${RESPONDER}/audit/1`;
const ofResponder = (number, entries, how) => signed(number, entries, { urn: RESPONDER, ...how });
const unnumbered = (count, by = 'responder') => ofResponder(1, [begin(1), ...more(1, count)], { by, origin: OLD });
const oldOne = await unnumbered(1);
const afterOld = await ofResponder(2, [begin(2, said(oldOne.note))], { by: 'responder 2' });
const second = good(2, 1, named(2, RESPONDER));
add('a log without a number, and the second one, which names it', 2, [oldOne, afterOld], [good(1, 2, OLD), second]);
add(
  'entries of a log without a number behind the head that the second names',
  2,
  [await unnumbered(3), afterOld],
  [{ ...good(1, 2, OLD), refused: 'log_inconsistent', check: 'late' }, second],
);
add(
  'a log without a number under a numbered key',
  2,
  [await unnumbered(1, 'responder 2'), afterOld],
  [logKey(1, OLD), second],
);
const byKeyOfOld = await ofResponder(2, [begin(2, said(oldOne.note))], { by: 'responder' });
add(
  'a numbered log under a key without a number',
  2,
  [oldOne, byKeyOfOld],
  [good(1, 2, OLD), logKey(2, named(2, RESPONDER))],
);

const oldSecond = `${RESPONDER}/audit/2`;
const begunOld = begin(2, { ...oldOne.note, line: undefined });
add(
  'a log without a number where keys have that number',
  2,
  [oldOne, await ofResponder(2, [begunOld], { by: 'responder', origin: oldSecond })],
  [good(1, 2, OLD), logKey(2, oldSecond)],
);

// The line beside what a log says of one before it.
const byTwo = (await signed(1, [begin(1, []), ...more(1, 2)], { by: 'vault 2' })).note;
add('a line by the key of another log', 2, [one, await after(byTwo)], [good(1, 3), logKey(2)]);
const notSigned = bad(2, 'signature_invalid');
add(
  'a line over another tree',
  2,
  [one, await after({ ...one.note, line: longer.note.line })],
  [good(1, 3), notSigned],
);
add('a size that the line does not sign', 2, [one, await after({ ...one.note, size: 2 })], [good(1, 3), notSigned]);
add(
  'a root that the line does not sign',
  2,
  [one, await after({ ...one.note, root: 'A'.repeat(43) })],
  [good(1, 3), notSigned],
);

// Entry 0 that is none, or does not say what it has to.
const beginning = (...entries) => signed(2, entries);
const misbegun = async (name, log) => add(name, 2, [one, await log], [good(1, 3), unfit(2)]);
await misbegun('a log that does not begin with log.begin', beginning(...more(2, 1, 0)));
await misbegun('a log that begins twice', after(one.note, [begin(2, said(one.note), 1)]));
await misbegun('a log that begins as another number', beginning(begin(3, said(one.note, null))));
await misbegun(
  'a log that has another number in what it begins with',
  beginning(entry(2, 0, 'log.begin', { log: 3, before: said(one.note) })),
);
await misbegun('a log that says nothing of those before it', beginning(begin(2)));
await misbegun('a log that leaves out the number before it', beginning(begin(2, [])));
await misbegun('a log that names itself', beginning(begin(2, said(one.note, null))));
await misbegun('a note of another number', after(two.note));
const { line: _, ...lineless } = one.note;
await misbegun('a note without its line', after(lineless));
await misbegun('a note as logs without numbers have it', beginning(begin(2, lineless)));
const foreign = await signed(1, [begin(1, [])], { origin: `${OTHER_PIN}1` });
await misbegun('a note of a log whose name has another pin', after(foreign.note));
await misbegun(
  'a note of a log of another service',
  after((await signed(1, [begin(1, [])], { urn: RESPONDER, by: 'vault 1' })).note),
);
const ofGlobex = more(2, 1).map((text) => text.replace(`"org":"${ORG}"`, '"org":"globex"'));
await misbegun('an entry of another organisation', after(one.note, ofGlobex));
const misbegunThird = async (name, before) =>
  add(name, 3, [one, two, await signed(3, [begin(3, before)])], [good(1, 3), good(2, 2), unfit(3)]);
await misbegunThird('numbers that are not in order', said(one.note, two.note).toReversed());
await misbegunThird('a number that is left out', said(one.note, two.note).slice(1));
await misbegunThird('a number that is there twice', [...said(one.note), ...said(one.note)]);

for (const before of published) {
  const now = cases.find(({ name }) => name === before.name);
  if (!isDeepStrictEqual(now, before)) throw new Error(`the case "${before.name}" would be another one now`);
}
const isNew = ({ name }) => published.every((before) => before.name !== name);
write(FILE, { ...shared, cases: [...published, ...cases.filter(isNew)] });
