import { readFileSync } from 'node:fs';
import { ALL_SUITES, checkKeyRecord, keyRecordSchema } from '@bulla/crypto';
import { expect, it } from '@jest/globals';

const page = readFileSync(new URL('../../../docs/spec/suites.md', import.meta.url), 'utf8');

it('docs/spec/suites.md shows a key as a directory lists it', async () => {
  const record = keyRecordSchema.parse(JSON.parse(/```json\n([^`]+)\n```/.exec(page)?.[1] ?? ''));
  await expect(checkKeyRecord(record)).resolves.toBeUndefined();
});

it('docs/spec/suites.md has the table that the code has', () => {
  const rows = [
    ...page.matchAll(
      /^\| `(\w+)` \| `(\w+)`[^|]*\| (?:`([\w+-]+)`[^|]*|–) \|[^|]*\| (\d+) bits \| (yes|no) \| ([^|]+) \|$/gm,
    ),
  ];
  expect(rows.map(([, ...cells]) => cells)).toEqual(
    ALL_SUITES.map(({ id, sign, seal, strength, documents, protectUntil }) => [
      id,
      sign,
      seal,
      String(strength),
      documents ? 'yes' : 'no',
      seal === undefined ? '–' : protectUntil === undefined ? 'any' : `${protectUntil} at the latest`,
    ]),
  );
});
