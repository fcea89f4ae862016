import { randomInt } from 'node:crypto';

/** A whole number from 0 to below `max`, each as likely as the others. */
export type Entropy = (max: number) => number;

/** All of them, in an order that is drawn: each next one by its weight among those that are left. */
export function drawnOrder<Item>(
  items: readonly Item[],
  weightOf: (item: Item) => number,
  entropy: Entropy = randomInt,
): Item[] {
  const left = [...items];
  const drawn: Item[] = [];
  while (left.length > 1) {
    const total = left.reduce((sum, item) => sum + weightOf(item), 0);
    let ticket = entropy(total);
    const place = left.findIndex((item) => (ticket -= weightOf(item)) < 0);
    drawn.push(...left.splice(place, 1));
  }
  return [...drawn, ...left];
}
