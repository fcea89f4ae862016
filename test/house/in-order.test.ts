import { describe, expect, it } from '@jest/globals';
import { inOrder } from '../in-order.js';

const ran: string[] = [];

async function second(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  ran.push('second');
}

describe('tests that build on each other', () => {
  inOrder([
    { name: 'run in their order', run: () => ran.push('first') },
    { name: 'wait for the one before', run: second },
    { name: 'may be asked in another order', run: () => ran.push('third') },
  ]);

  it('have all run before the first says how it ended', () => expect(ran).toEqual(['first', 'second', 'third']));
});
