import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mergeFindings } from './finding.js';
import { chooseTag, lookAlikes, Placeholders } from './placeholders.js';
import { TextRestorer } from './text-restorer.js';

/** Texts that are full of what placeholders are made of. */
const pieces = fc.constantFrom(
  '<',
  '>',
  '<EMAIL_1_',
  'EMAIL',
  '_1_',
  'aaaa',
  '<EMAIL_1_aaaa>',
  '\\',
  '"',
  '\\u003c',
  '\n',
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.oneof(pieces, fc.string({ maxLength: 3 })), { maxLength: 30 }).map((parts) => parts.join('')),
);
/** Where a text is cut, and what of it is masked: parts of its length. */
const parts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

function cutAt(whole: string, places: readonly number[]): string[] {
  const cuts = [0, ...places.map((place) => Math.floor(place * whole.length)).toSorted((a, b) => a - b), whole.length];
  return cuts.slice(1).map((end, index) => whole.slice(cuts[index], end));
}

/** Masks some stretches of a text, as if a detector had found them, and all that looks like a placeholder. */
function maskSome(whole: string, places: readonly number[]) {
  const cuts = places.map((place) => Math.floor(place * whole.length)).toSorted((a, b) => a - b);
  const findings = cuts.flatMap((start, index) => {
    const end = cuts[index + 1];
    return index % 2 === 0 && end !== undefined && end > start ? [{ type: 'EMAIL', start, end }] : [];
  });
  const placeholders = new Placeholders(chooseTag([whole]));
  const masked = placeholders.mask(whole, mergeFindings([...findings, ...lookAlikes(whole)]));
  return { masked, values: placeholders.values };
}

function restore(restorer: TextRestorer, given: readonly string[]): string {
  return given.map((piece) => restorer.write(piece)).join('') + restorer.end();
}

describe('restoring', () => {
  it('gives back any text that was masked, however it is cut', () => {
    fc.assert(
      fc.property(text, parts, parts, (whole, found, cuts) => {
        const { masked, values } = maskSome(whole, found);
        expect(restore(new TextRestorer(values), cutAt(masked, cuts))).toBe(whole);
      }),
    );
  });

  it('gives back any text inside of JSON, however it is cut and whether brackets are escaped', () => {
    fc.assert(
      fc.property(text, parts, parts, fc.boolean(), (whole, found, cuts, isEscaped) => {
        const { masked, values } = maskSome(whole.toWellFormed(), found);
        const written = JSON.stringify({ said: masked });
        const json = isEscaped ? written.replaceAll('<', '\\u003c').replaceAll('>', '\\u003E') : written;
        const said = JSON.parse(restore(new TextRestorer(values, true), cutAt(json, cuts))) as { said: string };
        expect(said.said).toBe(whole.toWellFormed());
      }),
    );
  });

  it('leaves a backslash that is escaped, and what follows it, as it is', () => {
    const values = new Map([['<EMAIL_1_aaaa>', 'x']]);
    const json = '"\\\\u003cEMAIL_1_aaaa>"';
    expect(restore(new TextRestorer(values, true), [json])).toBe(json);
  });

  it('holds back no more than may be the beginning of a placeholder', () => {
    const restorer = new TextRestorer(new Map([['<EMAIL_1_aaaa>', 'ada']]));
    expect(restorer.write('a < b <EMAIL')).toBe('a < b ');
    expect(restorer.write('_1_aaa')).toBe('');
    expect(restorer.write('a>!')).toBe('ada!');
    expect(restorer.write(`<${'A'.repeat(65)}`)).toBe(`<${'A'.repeat(65)}`);
    expect(restorer.end()).toBe('');
  });

  it('puts back no placeholder that stands in what it put back', () => {
    const values = new Map([
      ['<TEXT_1_bbbb>', '<EMAIL_1_bbbb>'],
      ['<EMAIL_1_bbbb>', 'ada'],
    ]);
    expect(restore(new TextRestorer(values), ['<TEXT_1_bbbb>'])).toBe('<EMAIL_1_bbbb>');
  });
});

describe('the tag of a request', () => {
  it('is one that no text of it holds, longer where short ones are all taken [guard: pii-tag-unused]', () => {
    const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
    // The first four draws are the letter a alone.
    let draws = 0;
    const random = (length: number) => new Uint8Array(length).fill(draws++ < 4 ? 0 : 1);
    expect(chooseTag(['an aaaa of a text'], random)).toBe('bbbbb');
    expect(chooseTag(['nothing'])).toMatch(new RegExp(`^[${alphabet}]{4}$`));
  });

  it('is another one each time', () => {
    expect(new Set(Array.from({ length: 20 }, () => chooseTag([]))).size).toBeGreaterThan(15);
  });
});
