/**
 * Vectors of enrolments: with `node:crypto`, by docs/spec/enrolment.md, and not with our code; the codes are those of the
 * golden file.
 */
import { createHash, createHmac } from 'node:crypto';
import { read } from './golden.mjs';
import { namesOf } from './names.mjs';
import { publish } from './published.mjs';

const json = (value) => JSON.stringify(value);
const text = (value) => createHash('sha256').update(value).digest();
const enrolled = read('enrolment').cases.map(({ name, code, url, org, pin, id, secret, sig_kid, enc_kid }) => {
  const both = `${sig_kid}|${enc_kid}`;
  const digest = text(`bulla1 keys|${both}`);
  const ticket = text(`bulla1 ticket|${secret}`).toString('base64url');
  const mac = createHmac('sha256', secret).update(`bulla1 enrol|${org}|${id}|${both}`).digest('base64url');
  const { hex: fingerprint, words } = namesOf(digest);
  return {
    op: 'verify',
    name,
    input: { code, sig_kid, enc_kid, mac },
    expected: {
      ok: {
        url,
        org,
        pin,
        id,
        ticket,
        ticket_sha256: text(ticket).toString('base64url'),
        words,
        fingerprint,
      },
    },
  };
});
const [{ input: good }] = enrolled;
const inside = JSON.parse(Buffer.from(good.code.slice('bulla1_'.length), 'base64url').toString());
const code = (value) => `bulla1_${Buffer.from(typeof value === 'string' ? value : json(value)).toString('base64url')}`;
const swapped = { sig_kid: good.enc_kid, enc_kid: good.sig_kid };
const flipped = (value) => {
  const bytes = Buffer.from(value, 'base64url');
  bytes[0] ^= 1;
  return bytes.toString('base64url');
};
const codes = {
  nothing: '',
  'another prefix': good.code.replace('bulla1_', 'bulla2_'),
  'no prefix': good.code.slice('bulla1_'.length),
  padding: `${good.code}=`,
  'a space in it': good.code.replace('_', '_ '),
  'white space in the JSON': code(json(inside).replace(',', ', ')),
  'a member twice': code(json(inside).replace('{', '{"org":"acme",')),
  'a member more': code({ ...inside, exp: 1 }),
  'a member less': code({ url: inside.url, org: inside.org, pin: inside.pin, id: inside.id }),
  'a URL with a name and a password': code({ ...inside, url: 'https://a:b@vault.acme.example' }),
  'a URL of a file': code({ ...inside, url: 'file:///etc/passwd' }),
  'a URL with a query': code({ ...inside, url: 'https://vault.acme.example/?a' }),
  'an organisation in capitals': code({ ...inside, org: 'Acme' }),
  'a pin without its algorithm': code({ ...inside, pin: inside.pin.slice('sha256:'.length) }),
  'a pin in capitals': code({ ...inside, pin: inside.pin.replace('0a', '0A') }),
  'the id of another thing': code({ ...inside, id: inside.id.replace('ivt', 'dev') }),
  'a secret of 42 characters': code({ ...inside, secret: inside.secret.slice(1) }),
  'more than 2,048 characters': code({ ...inside, url: `https://a/${'a'.repeat(1600)}` }),
};
const forged = {
  'the keys in the other order': swapped,
  'another signing key': { sig_kid: flipped(good.sig_kid) },
  'another encryption key': { enc_kid: flipped(good.enc_kid) },
  'a mac of another secret': { code: code({ ...inside, secret: flipped(inside.secret) }) },
  'a mac for another invitation': { code: code({ ...inside, id: inside.id.replace(/1$/, '2') }) },
  'a mac for another organisation': { code: code({ ...inside, org: 'globex' }) },
  'a flipped bit of the mac': { mac: flipped(good.mac) },
  'half a mac': { mac: good.mac.slice(0, 22) },
  'no mac': { mac: '' },
  'a mac that is no base64url': { mac: '*'.repeat(43) },
};
const enrolments = [
  ...enrolled,
  ...Object.entries(codes).map(([name, made]) => ({
    op: 'verify',
    name,
    input: { ...good, code: made },
    expected: { refused: 'token_malformed' },
  })),
  ...Object.entries(forged).map(([name, changes]) => ({
    op: 'verify',
    name,
    input: { ...good, ...changes },
    expected: { refused: 'signature_invalid', check: 'enrolment-mac' },
  })),
  {
    op: 'verify',
    name: 'a key that is no thumbprint',
    input: { ...good, sig_kid: good.sig_kid.slice(1) },
    expected: { refused: 'token_malformed' },
  },
];

publish('enrolment.json', { format: 'enrolment', values: {}, cases: enrolments });
