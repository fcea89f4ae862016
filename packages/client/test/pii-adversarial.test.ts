import { createContext, runInContext } from 'node:vm';
import { isLongRun } from '@bulla/testkit';
import { describe, expect, it } from '@jest/globals';
import { ownDetectors } from '../src/pii/detectors/own-detectors.js';
import type { Detector } from '../src/pii/finding.js';
import { mapJsonText } from '../src/pii/json-text.js';
import { lookAlikes } from '../src/pii/placeholders.js';
import { TextRestorer } from '../src/pii/text-restorer.js';

// Texts that are made to keep a search busy: it comes to their end. One that takes the square of their length would not,
// and is stopped after a minute.

const LENGTH = isLongRun() ? 4 * 1024 * 1024 : 256 * 1024;
const STOPPED_AFTER_MS = 60_000;
const fill = (piece: string) => piece.repeat(Math.ceil(LENGTH / piece.length)).slice(0, LENGTH);

const TEXTS = [
  ...['@', 'a@', 'a.', 'a@a.', `${'a'.repeat(64)}@`, '@a-'].map(fill),
  ...['1', '1 ', '4111 ', '4111 1111 1111 1112 ', '12345678', '2341 2341 2347 ', '811228-'].map(fill),
  ...['+1', '+1(((((', '+49 30 1', '00', '0049 30 1 2 3 4 5 '].map(fill),
  ...['DE89', 'DE89 3704 0044 0532 0130 01 ', 'gb82-'].map(fill),
  ...['eyJ', 'eyJaaaaaa.', `eyJ${'a'.repeat(5000)}.`, 'sk-', `sk-${'a'.repeat(300)} `, 'xoxb-'].map(fill),
  ...['-----BEGIN ', '-----BEGIN A A A ', '-----BEGIN PRIVATE KEY-----'].map(fill),
  ...['1.', '1.1.1.1.', '2001:', '2001:::', ':'].map(fill),
  ...['<', '<EMAIL_1_', '<A_1_a', '\\', '\\u003c', '"', '{"', '😀', '\u00a0'].map(fill),
];

function endsWithin(work: () => unknown, timeout: number): boolean {
  try {
    runInContext('work()', createContext({ work }), { timeout });
    return true;
  } catch {
    return false;
  }
}
const readAll = (detect: Detector, text: string) => () => {
  for (const { start, end } of detect(text)) expect(start).toBeLessThan(end);
};

describe('a long text that is made to keep it busy', () => {
  it('is searched to its end by every detector', () => {
    const late = ownDetectors('US').flatMap((detect, number) =>
      TEXTS.filter((text) => !endsWithin(readAll(detect, text), STOPPED_AFTER_MS)).map((text) => [
        number,
        text.slice(0, 20),
      ]),
    );
    expect(late).toEqual([]);
  });

  it('is looked through for placeholders, restored, and read as JSON, to its end', () => {
    const values = new Map([['<EMAIL_1_aaaa>', 'ada']]);
    const restore = (text: string, isJson: boolean) => {
      const restorer = new TextRestorer(values, isJson);
      for (let at = 0; at < text.length; at += 7) restorer.write(text.slice(at, at + 7));
      restorer.end();
    };
    const works = TEXTS.flatMap((text) => [
      readAll(lookAlikes, text),
      () => restore(text, false),
      () => restore(text, true),
      () => mapJsonText(JSON.stringify({ text }), (said) => said),
    ]);
    expect(works.filter((work) => !endsWithin(work, STOPPED_AFTER_MS))).toEqual([]);
  });

  it('would be seen to have no end: one that goes back again and again is stopped', () => {
    const planted: Detector = function* (text) {
      if (/^(?:a+)+$/.test(text)) yield { type: 'EMAIL', start: 0, end: text.length };
    };
    expect(endsWithin(readAll(planted, `${'a'.repeat(40)}!`), 200)).toBe(false);
    expect(endsWithin(readAll(planted, 'aa'), STOPPED_AFTER_MS)).toBe(true);
  });
});
