import { describe, expect, it } from '@jest/globals';
import { mergeFindings } from '../finding.js';
import { ownDetectors } from './own-detectors.js';

/** What is found, as the type and the words. */
function found(text: string, country?: string): string[] {
  const all = ownDetectors(country).flatMap((detect) => [...detect(text)]);
  return mergeFindings(all).map(({ type, start, end }) => `${type} ${text.slice(start, end)}`);
}

describe('what is found', () => {
  it.each([
    ['an address', 'Write to ada.l+x@mail.example.org.', 'EMAIL ada.l+x@mail.example.org'],
    ['an address in a query', 'https://x.example/?to=ada@example.org&x=1', 'EMAIL ada@example.org'],
    ['an address with letters of any script', 'Пишите: иван@пример.рф!', 'EMAIL иван@пример.рф'],
    ['a card in groups', 'card 4111 1111 1111 1111, 12/27', 'CARD 4111 1111 1111 1111'],
    ['a card of fifteen digits', '3782-822463-10005', 'CARD 3782-822463-10005'],
    ['an account in groups', 'IBAN DE89 3704 0044 0532 0130 00 please', 'IBAN DE89 3704 0044 0532 0130 00'],
    ['an account in small letters', 'gb82west12345698765432', 'IBAN gb82west12345698765432'],
    ['a number with its country', 'Call +49 30 901820, now', 'PHONE +49 30 901820'],
    ['a number with two zeros', '0041 44 668 18 00', 'PHONE 0041 44 668 18 00'],
    ['a number before another one', '+1 415 555 2671 12', 'PHONE +1 415 555 2671'],
    ['a German tax number', '86095742719', 'NATIONAL_ID 86095742719'],
    ['a French number', '2 55 08 14 168 025 38', 'NATIONAL_ID 2 55 08 14 168 025 38'],
    ['a Polish number', 'PESEL 44051401359', 'NATIONAL_ID 44051401359'],
    ['a Belgian number', '85.07.30-033.28', 'NATIONAL_ID 85.07.30-033.28'],
    ['a Swedish number', '811228-9874', 'NATIONAL_ID 811228-9874'],
    ['a Swiss number', '756.9217.0769.85', 'NATIONAL_ID 756.9217.0769.85'],
    ['a Brazilian number', '529.982.247-25', 'NATIONAL_ID 529.982.247-25'],
    ['an Indian number', '2341 2341 2346', 'NATIONAL_ID 2341 2341 2346'],
    ['an American number', '123-45-6789', 'NATIONAL_ID 123-45-6789'],
    ['a Spanish number', '12345678Z', 'NATIONAL_ID 12345678Z'],
    ['a Spanish number of a foreigner', 'X1234567L', 'NATIONAL_ID X1234567L'],
    ['an Italian code', 'RSSMRA85T10A562S', 'NATIONAL_ID RSSMRA85T10A562S'],
    ['a Finnish number', '131052-308T', 'NATIONAL_ID 131052-308T'],
    ['a Chinese number', '11010519491231002X', 'NATIONAL_ID 11010519491231002X'],
    ['an address of the internet', 'from 8.8.4.4.', 'IP_ADDRESS 8.8.4.4'],
    ['a long address of it', '2a00:1450:4001:82a::200e', 'IP_ADDRESS 2a00:1450:4001:82a::200e'],
  ])('%s', (_name, text, expected) => {
    expect(found(text)).toEqual([expected]);
  });

  it('is a number of the country that was given, without its code', () => {
    expect(found('Call (415) 555-2671.', 'US')).toEqual(['PHONE (415) 555-2671']);
    expect(found('Call (415) 555-2671.')).toEqual([]);
    expect(found('Ruf 030 901820 an.', 'DE')).toEqual(['PHONE 030 901820']);
    expect(found('Appelle 01 42 34 56 78.', 'FR')).toEqual(['PHONE 01 42 34 56 78']);
  });

  it('is of no country that has no numbering plan [guard: pii-phone-country]', () => {
    expect(() => ownDetectors('XX')).toThrow('no numbering plan');
  });

  it.each([
    ['a handle', 'ask @ada or ada@home'],
    ['a card whose sum does not fit [guard: pii-card-luhn]', '4111 1111 1111 1112'],
    ['an account whose remainder is another [guard: pii-iban-check]', 'DE89 3704 0044 0532 0130 01'],
    ['a number that no plan has [guard: pii-phone-valid]', '+1 123 456 7890, +999 1234567'],
    ['a number of persons with a wrong digit [guard: pii-id-check]', '86095742718'],
    ['one with a wrong letter [guard: pii-lettered-id-check]', '12345678A'],
    ['a version', 'version 8.8.4.4 and v9.9.9.9'],
    ['an address of the house', '192.168.1.1, 10.0.0.1, 127.0.0.1, 300.1.1.1'],
    ['a name in a program', 'std::vector, 10:30:45, 2001::1'],
    ['three parts that are no token [guard: pii-token-header]', 'eyJhbGci.eyJzdWIi.c2ln'],
    ['a word with hyphens', 'sk-this-is-only-a-sentence-with-hyphens'],
    ['a time and a price', '2026-12-08 10:30:00, 1 234 567.89'],
  ])('is not %s', (_name, text) => {
    expect(found(text)).toEqual([]);
  });
});
