import { randomFrom, seedOfRun } from '@bulla/testkit';
import { describe, expect, it } from '@jest/globals';
import { ownDetectors } from '../src/pii/detectors/own-detectors.js';
import type { Finding } from '../src/pii/finding.js';
import { mergeFindings } from '../src/pii/finding.js';
import { Draw } from './labelled-numbers.js';
import type { Labelled } from './labelled-texts.js';
import { KINDS, labelledTexts } from './labelled-texts.js';

// How much is found of what there is, and how much of what is found is there, on texts that the seed of the run makes.

const COUNT = 240;
/**
 * Least precision and recall of each type. What passes a check by chance costs precision: one number in ten has a Luhn sum
 * that fits.
 */
const FLOORS: Readonly<Record<string, readonly [precision: number, recall: number]>> = {
  EMAIL: [0.99, 0.99],
  CARD: [0.95, 0.99],
  IBAN: [0.98, 0.99],
  PHONE: [0.9, 0.95],
  NATIONAL_ID: [0.93, 0.97],
  IP_ADDRESS: [0.98, 0.98],
  API_KEY: [0.99, 0.99],
  PRIVATE_KEY: [0.99, 0.99],
  TOKEN: [0.99, 0.99],
};

interface Score {
  readonly type: string;
  readonly precision: number;
  readonly recall: number;
}

/** Scores of a way to find things: a label is found where all of it is, and nothing beside it but what surrounds it. */
function scoresOf(texts: readonly Labelled[], find: (text: string) => readonly Finding[]): Score[] {
  const counts = new Map(Object.keys(KINDS).map((type) => [type, { hit: 0, labels: 0, found: 0 }]));
  for (const { text, label } of texts) {
    const found = find(text);
    for (const { type } of found) {
      const count = counts.get(type);
      if (count !== undefined) count.found += 1;
    }
    const count = counts.get(label?.type ?? '');
    if (label === undefined || count === undefined) continue;
    count.labels += 1;
    count.hit += found.some(({ type, start, end }) => type === label.type && start === label.start && end === label.end)
      ? 1
      : 0;
  }
  return [...counts].map(([type, { hit, labels, found }]) => ({ type, precision: hit / found, recall: hit / labels }));
}

describe('what is found of a labelled set', () => {
  it('is nearly all of it, and nearly nothing else, for each type', () => {
    const texts = labelledTexts(new Draw(randomFrom(seedOfRun())), COUNT);
    const detectors = ownDetectors('US');
    const scores = scoresOf(texts, (text) => mergeFindings(detectors.flatMap((detect) => [...detect(text)])));
    const table = scores.map(({ type, precision, recall }) => `${type} ${precision.toFixed(3)} ${recall.toFixed(3)}`);
    process.stdout.write(`personal data, type precision recall:\n  ${table.join('\n  ')}\n`);
    const below = scores.filter(({ type, precision, recall }) => {
      const [leastPrecision, leastRecall] = FLOORS[type] ?? [1, 1];
      return !(precision >= leastPrecision && recall >= leastRecall);
    });
    expect(below).toEqual([]);
  });

  it('would be too little of what finds nothing, and too much of what takes every word for an address', () => {
    const texts = labelledTexts(new Draw(randomFrom(seedOfRun())), 20);
    const every = (text: string) =>
      [...text.matchAll(/\S+/g)].map(({ index: start, 0: word }) => ({
        type: 'EMAIL',
        start,
        end: start + word.length,
      }));
    expect(scoresOf(texts, every).find(({ type }) => type === 'EMAIL')?.precision).toBeLessThan(0.5);
    expect(scoresOf(texts, () => []).map(({ recall }) => recall)).toEqual(Object.keys(KINDS).map(() => 0));
  });
});
