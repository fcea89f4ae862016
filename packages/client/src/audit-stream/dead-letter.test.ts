import { describe, expect, it } from '@jest/globals';
import type { DeadLetter } from './dead-letter.js';
import { encodeDeadLetter, parseDeadLetters } from './dead-letter.js';

const letterOf = (index: number, reason = 'the sink answered 400'): DeadLetter => ({
  v: 1,
  at: '2026-11-28T09:30:00Z',
  origin: 'urn:bulla:acme:svc:vault/audit/1',
  index,
  reason,
  leaf: '{"text":"a\\nb"}',
});

describe('dead letters', () => {
  it('are read as they were written, each entry once, as it was refused last', () => {
    const text = [letterOf(1), letterOf(2), letterOf(1, 'again')].map(encodeDeadLetter).join('');
    expect(parseDeadLetters(text)).toEqual({ letters: [letterOf(1, 'again'), letterOf(2)], unread: 0 });
  });

  it('lack a line that was cut, and count one that is something else', () => {
    const text = `${encodeDeadLetter(letterOf(1))}moon\n${encodeDeadLetter(letterOf(2)).slice(0, -9)}`;
    expect(parseDeadLetters(text)).toEqual({ letters: [letterOf(1)], unread: 1 });
    expect(parseDeadLetters('')).toEqual({ letters: [], unread: 0 });
  });
});
