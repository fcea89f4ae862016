import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { isMadeOf } from './characters.js';

const LETTERS = /^[a-z]*$/;
const SLICE = 65_536;
const messages = new URL('../../dist/chat/messages.js', import.meta.url).href;
/** A question with an image of 4 MiB, and a plain expression that is asked about as much. */
const LONG = `
  import { chatMessagesSchema } from ${JSON.stringify(messages)};
  const data = 'A'.repeat(4 * 1_048_576 * 4 / 3 - (4 * 1_048_576 * 4 / 3) % 4);
  let plain = 'no fault';
  try { /^[A-Za-z0-9+/]+={0,2}$/.test(data); } catch (error) { plain = error.name; }
  const content = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,' + data } }];
  const isTaken = chatMessagesSchema.safeParse([{ role: 'user', content }]).success;
  console.log(JSON.stringify({ plain, isTaken }));
`;

describe('a text of certain characters', () => {
  it.each([0, 1, SLICE - 1, SLICE, SLICE + 1, 3 * SLICE, 3 * SLICE + 7])('may have %i of them', (length) => {
    expect(isMadeOf('a'.repeat(length), LETTERS)).toBe(true);
  });

  it.each([0, 1, SLICE - 1, SLICE, 2 * SLICE - 1, 2 * SLICE])('has no other at %i', (at) => {
    const text = 'a'.repeat(2 * SLICE + 1);
    expect(isMadeOf(`${text.slice(0, at)}A${text.slice(at + 1)}`, LETTERS)).toBe(false);
  });

  it('may be as long as an image, where V8 does not optimise expressions', async () => {
    const args = ['--no-regexp-optimization', '--input-type=module', '--eval', LONG];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual({ plain: 'RangeError', isTaken: true });
  });
});
