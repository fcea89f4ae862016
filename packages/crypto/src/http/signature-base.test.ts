import { describe, expect, it } from '@jest/globals';
import { decodeUtf8, utf8 } from '../encoding/bytes.js';
import {
  component,
  decodeByteSequence,
  encodeByteSequence,
  encodeSeconds,
  fieldComponent,
  parseKeyid,
  parseSignatureFields,
  signatureBase,
  signatureFields,
  signatureItem,
} from './signature-base.js';

const malformed = expect.objectContaining({ code: 'token_malformed' });
const components = [component('@method', 'POST', ';req'), component('if-match', '"3"')];
const LIST = '("@method";req "if-match")';
const PATTERN = /^;created=(?<created>\d+)$/;

/** Reads a message with these two fields. */
function read(input: string | undefined, signature: string | undefined) {
  const fields: Record<string, string | undefined> = { 'signature-input': input, signature };
  return parseSignatureFields({ header: (name) => fields[name] }, components, PATTERN);
}

describe('a covered component', () => {
  it('is a name with its parameters and a value', () => {
    expect(components).toEqual([
      { identifier: '"@method";req', value: 'POST' },
      { identifier: '"if-match"', value: '"3"' },
    ]);
  });

  it.each(['a', '~', '!', 'a b', 'a  b'])('may have the value %j', (value) => {
    expect(fieldComponent({ header: () => value }, 'x').value).toBe(value);
  });

  it.each([undefined, '', ' ', ' a', 'a ', 'a\nb', 'a\tb', 'é', '\u007f'])('is refused with the value %j', (value) => {
    expect(() => fieldComponent({ header: () => value }, 'x')).toThrow(malformed);
  });
});

describe('signatureBase', () => {
  it('has a line for each component, then the parameters', () => {
    expect(signatureBase(components, `${LIST};created=1`)).toEqual(
      utf8(`"@method";req: POST\n"if-match": "3"\n"@signature-params": ${LIST};created=1`),
    );
  });
});

describe('encodeSeconds', () => {
  it.each([0, 1_795_560_000, 999_999_999_999])('writes %d', (seconds) => {
    expect(encodeSeconds(seconds)).toBe(String(seconds));
  });

  it.each([-1, 0.5, 1_000_000_000_000, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (seconds) => {
    expect(() => encodeSeconds(seconds)).toThrow(malformed);
  });
});

describe('parseSignatureFields', () => {
  it('reads what signatureFields writes', () => {
    const { 'signature-input': input, signature } = signatureFields(`${LIST};created=1`, Uint8Array.of(1, 2, 3));
    const base = signatureBase(components, `${LIST};created=1`);
    expect(read(input, signature)).toEqual({
      parameters: { created: '1' },
      base,
      signature: Uint8Array.of(1, 2, 3),
      item: ':AQID:',
      text: decodeUtf8(base),
      evidence: Uint8Array.of(...base, 1, 2, 3),
    });
  });

  it.each([
    ['no fields', undefined, undefined],
    ['no signature', `bulla=${LIST};created=1`, undefined],
    ['another label', `sig=${LIST};created=1`, 'bulla=:AAAA:'],
    ['a label that ends alike', `xbulla=${LIST};created=1`, 'bulla=:AAAA:'],
    ['other components', 'bulla=("@method";req);created=1', 'bulla=:AAAA:'],
    ['no components', 'bulla=();created=1', 'bulla=:AAAA:'],
    ['no parameters', `bulla=${LIST}`, 'bulla=:AAAA:'],
    ['parameters that are not those of the profile', `bulla=${LIST};expires=1`, 'bulla=:AAAA:'],
    ['a signature in two spellings', `bulla=${LIST};created=1`, 'bulla=:AAB=:'],
  ])('refuses %s', (_name, input, signature) => {
    expect(() => read(input, signature)).toThrow(malformed);
  });
});

describe('signatureItem', () => {
  it('holds 513 bytes', () => expect(signatureItem(`bulla=:${'A'.repeat(684)}:`)).toBe(`:${'A'.repeat(684)}:`));

  it.each([undefined, '', 'bulla=::', `bulla=:${'A'.repeat(685)}:`, 'xbulla=:AAAA:', 'bulla=:AAAA:;x', 'bulla=AAAA'])(
    'refuses %j',
    (field) => expect(() => signatureItem(field)).toThrow(malformed),
  );
});

describe('parseKeyid', () => {
  const kid = 'A'.repeat(43);
  const ENTITIES = [
    ['urn:bulla:acme:dev:dev_01kaw7g0f8e5tte8wk4s7qyxv1', 'dev'],
    ['urn:bulla:acme:svc:vault', 'svc'],
    ['urn:bulla:acme:enr:enr_01kaw7g0f8e5tte8wk4s7qyxv2', 'enr'],
  ] as const;
  it.each(ENTITIES)('of %s', (urn, kind) => {
    expect(parseKeyid(`${urn}#${kid}`)).toMatchObject({ org: 'acme', kind, urn, kid });
  });

  const [[device]] = ENTITIES;
  it.each([
    '',
    kid,
    device,
    `${device}#`,
    `#${kid}`,
    `x#${device}#${kid}`,
    `${device}#${kid}A`,
    `${device}#${kid.slice(1)}`,
    `urn:bulla:acme#${kid}`,
    `urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn#${kid}`,
  ])('refuses %j', (keyid) => expect(() => parseKeyid(keyid)).toThrow(malformed));
});

describe('a byte sequence', () => {
  it('is base64 between colons', () => {
    expect(encodeByteSequence(Uint8Array.of(255, 254))).toBe('://4=:');
    expect(decodeByteSequence('://4=:')).toEqual(Uint8Array.of(255, 254));
  });

  it.each(['', ':', '://4=', '//4=:', 'x://4=:', '://4=:x', '://4:', '://5=:', ':__4=:'])('is not %j', (item) => {
    expect(() => decodeByteSequence(item)).toThrow(malformed);
  });
});
