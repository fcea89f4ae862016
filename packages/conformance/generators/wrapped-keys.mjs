/** Content keys that are sealed to somebody, as grants or as deposits for a vault: valid, and refused in each way. */
import { createHash } from 'node:crypto';
import { outsides } from './outsides.mjs';
import { algOf, jwe, publicOf, thumbprint, withPart } from './raw-tokens.mjs';
import { read } from './published.mjs';

const { keys } = read('golden/letter.json');
/** Whose keys the vectors have. */
export const people = keys;
/** The person who seals and signs in a suite. Content is sealed to the same person. */
export const SUITES = { rsa2048: people.carol, rsa3072: people.dora, p256: people.alice };
export const values = Object.fromEntries(
  Object.entries(SUITES).flatMap(([suite, { sig, enc }]) => [
    [`${suite}.sig`, sig],
    [`${suite}.sig.pub`, publicOf(sig)],
    [`${suite}.enc`, enc],
    [`${suite}.enc.pub`, publicOf(enc)],
  ]),
);
export const used = (names) => Object.fromEntries(Object.entries(values).filter(([name]) => names.test(name)));
export const each = (make) => Object.keys(SUITES).flatMap(make);

const DEK = createHash('sha256').update('the content key of the vectors').digest();
const key = DEK.toString('base64url');
const commitmentTo = (bytes) => createHash('sha256').update('bulla data key\0').update(bytes).digest('base64url');
const [{ expect: granted }] = read('golden/grant.json').cases;
const { dekId: dek, dkc: _ofAnother, ...elsewhere } = granted;
const place = { ...elsewhere, dkc: commitmentTo(DEK) };
const base64url = (byte) => Buffer.alloc(32, byte).toString('base64url');
const VAULT = 'urn:bulla:acme:svc:vault';

/** What is sealed: its type, its place, somebody else of the same kind, and what it is never for. */
const KINDS = {
  grant: {
    typ: 'bulla-grant+jwe',
    place: { ...place, dek },
    another: place.urn.replace('eu1', 'eu2'),
    never: { 'to the vault': { aud: VAULT } },
  },
  deposit: {
    typ: 'bulla-deposit+jwe',
    place: { ...place, urn: VAULT, dek },
    another: VAULT.replace('acme', 'globex'),
    never: {
      'to a responder': { aud: place.urn },
      'to a device': { aud: 'urn:bulla:acme:dev:dev_01m8846r1de35rhayqpfw25ggb' },
      'to the recovery key': { aud: 'urn:bulla:acme:recovery' },
      'to another service': { aud: 'urn:bulla:acme:svc:gateway:main' },
      'the typ of a grant': { typ: 'bulla-grant+jwe' },
      'a grant, as it is': { typ: 'bulla-grant+jwe', aud: place.urn },
    },
  },
};

/** @param {'grant' | 'deposit'} format @returns of a suite, what opens and what does not */
export const opened = (format) => (suite) => {
  const { typ, place: of, another, never } = KINDS[format];
  const { enc } = SUITES[suite];
  const kid = thumbprint(enc);
  const stranger = people.bob.enc;
  const { urn: aud, sub, ver, chash, dkc } = of;
  const header = { alg: algOf(enc), enc: 'A256GCM', typ, kid, aud, sub, ver, dek, chash, dkc };
  const seal = (changes, plaintext = DEK, to = enc) => jwe(plaintext, to, header, changes);
  const moved = seal({ ver: ver + 1 });
  const others = {
    'another prompt': seal({ sub: sub.replace(/.$/, (last) => (last === '0' ? '1' : '0')) }),
    'another version': moved,
    'another audience': seal({ aud: another }),
    'another content': seal({ chash: thumbprint(stranger) }),
    'another content key': seal({ dek: `dek_${'0'.repeat(32)}` }),
    'a header moved to this version': withPart(moved, 0, () => seal({}).split('.')[0]),
    'to another key, under this kid': seal({}, DEK, suite === 'p256' ? stranger : SUITES[suite].sig),
    'a kid of another key': seal({ kid: thumbprint(stranger) }),
    'a content key of 31 bytes': seal({}, DEK.subarray(1)),
    'a content key of 33 bytes': seal({}, Buffer.concat([DEK, Buffer.of(0)])),
    'a random key under the right header': seal({}, Buffer.alloc(32, 7)),
    'a commitment to another key': seal({ dkc: commitmentTo(Buffer.alloc(32, 7)) }),
  };
  const cases = [
    ...outsides(enc, seal, people.alice.enc),
    ...Object.entries(others).map(([name, token]) => [name, token, 'open_failed']),
    ...Object.entries(never).map(([name, changes]) => [name, seal(changes), 'token_malformed']),
    ['no commitment to its key', seal({ dkc: undefined }), format === 'grant' ? 'open_failed' : 'token_malformed'],
    ['version 0', seal({ ver: 0 }), 'token_malformed'],
    ['a version with a fraction', seal({ ver: 1.5 }), 'token_malformed'],
    ['no audience', seal({ aud: undefined }), 'token_malformed'],
  ];
  const input = (token) => ({ token, recipient: `@${suite}.enc`, ...of });
  return [
    { op: 'open', name: suite, input: input(seal({})), expected: { ok: { key } } },
    ...cases.map(([name, token, refused]) => ({
      op: 'open',
      name: `${suite}: ${name}`,
      input: input(token),
      expected: { refused },
    })),
  ];
};

/** @param {'grant' | 'deposit'} format @returns what may not be sealed */
export function refusedSeals(format) {
  const { place: of } = KINDS[format];
  const good = { key, recipient: '@rsa2048.enc.pub', ...of, protect_until: '2029-12-31' };
  const refusing = (name, changes, check) => ({
    op: 'seal',
    name,
    input: { ...good, ...changes },
    expected: check === undefined ? { refused: 'token_malformed' } : { refused: 'key_invalid', check },
  });
  return [
    refusing('rsa2048: protection until after its end', { protect_until: '2031-01-01' }, 'protect-until'),
    refusing('rsa2048: a content key of 31 bytes', { key: DEK.subarray(1).toString('base64url') }, 'grant-dek'),
    refusing('rsa2048: another key than that of the content', { key: base64url(7) }, 'grant-commitment'),
    refusing(
      'rsa2048: a recipient of another organisation',
      { urn: of.urn.replace('acme', 'globex') },
      'grant-organisation',
    ),
    ...(format === 'deposit' ? [refusing('rsa2048: for a responder', { urn: place.urn })] : []),
  ];
}

/** @param {'grant' | 'deposit'} format @returns what implementations seal for each other */
export const crossingTo = (format) => (to) => ({
  format,
  name: `to ${to}`,
  seal: { key, recipient: `@${to}.enc.pub`, ...KINDS[format].place, protect_until: '2029-12-31' },
  open: { recipient: `@${to}.enc`, ...KINDS[format].place },
  ok: { key },
});
