// `npm run forgeries`: a great many of the answer files of test/answers, on every core. `-- --count <n>` says how many,
// `--seed <n>` which, `--jobs <n>` uses so many processes, `--write` keeps the outcome in test/results/forgeries.md.
import { runMany } from './testing/many.mjs';

await runMany({
  name: 'forgeries',
  things: 'files',
  part: 'test/answers/forge-part.ts',
  page: 'test/results/forgeries.md',
  count: 1_000_000,
  title: 'Forged answer files',
  about:
    'answer files of five organisations whose parts are mixed, dated and cut at random, against what is true of them by how they were made ([evidence.md](../../docs/spec/evidence.md))',
});
