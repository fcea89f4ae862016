import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mapJsonText } from './json-text.js';

describe('JSON text', () => {
  it('stays as it is, letter by letter, where nothing changes', () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 0, max: 3 }), (json, space) => {
        const text = JSON.stringify(JSON.parse(json), null, space);
        fc.pre(/^[{[]/.test(text));
        expect(mapJsonText(text, (said) => said)).toBe(text);
      }),
    );
  });

  it('gives every string as it is meant, and writes those that change as JSON', () => {
    const seen: string[] = [];
    const mapped = mapJsonText(String.raw`{"a\u0041": ["x\ny", 12.50, true, ""], "b":{}}`, (said) => {
      seen.push(said);
      return said === 'x\ny' || said === '12.50' ? `"${said}"` : said;
    });
    expect(seen).toEqual(['aA', 'x\ny', '12.50', 'true', '', 'b']);
    expect(mapped).toBe(String.raw`{"a\u0041": ["\"x\ny\"", "\"12.50\"", true, ""], "b":{}}`);
  });

  it.each(['', 'text', '"string"', '12', '{"a":', '{a:1}', '[1] and more'])('is not %j', (text) => {
    expect(mapJsonText(text, (said) => said)).toBeUndefined();
  });
});
