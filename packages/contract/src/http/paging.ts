import * as z from 'zod';
import { textOf } from '../alphabet.js';
import { PAGE_ITEMS_MAX } from './limits.js';
import { decimal } from '../numbers.js';

/** Where a page ended: made by the service, opaque to everybody else. */
export const Cursor = textOf('A-Za-z0-9_-', 512, 'must be a cursor from an earlier answer').meta({
  description: 'Where the page before ended, from its next_cursor.',
  example: 'WyJjbGFpbXMvdHJpYWdlIl0',
});

/** Query members of every list. */
export const pageQuery = {
  cursor: Cursor.optional(),
  limit: decimal(z.int().min(1).max(PAGE_ITEMS_MAX))
    .default(50)
    .meta({ description: 'How many at most on this page.', example: 50 }),
};

/** One page of a list; `next_cursor` is null on the last. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    data: z.array(item).max(PAGE_ITEMS_MAX).describe('The items of this page.'),
    next_cursor: Cursor.nullable().describe('Where this page ended; null on the last.'),
  });
