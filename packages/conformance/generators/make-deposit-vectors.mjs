/** Vectors of deposits for each suite, and crossings: with `node:crypto`, by docs/spec/grant.md, and not with our code. */
import { publish, read, write } from './published.mjs';
import { crossingTo, each, opened, refusedSeals, SUITES, used } from './wrapped-keys.mjs';

const CROSSINGS = 'crossings.json';

publish('deposit.json', {
  format: 'deposit',
  values: used(/\.enc(\.pub)?$/),
  cases: [...each(opened('deposit')), ...refusedSeals('deposit')],
});

const crossings = read(CROSSINGS);
if (!crossings.cases.some(({ format }) => format === 'deposit')) {
  crossings.cases.push(...Object.keys(SUITES).map(crossingTo('deposit')));
  write(CROSSINGS, crossings);
}
