// `npm run walks`: a great many of the random walks of test/freshness, on every core. `-- --count <n>` says how many,
// `--seed <n>` which, `--jobs <n>` uses so many processes, `--write` keeps the outcome in test/results/walks.md.
import { runMany } from './testing/many.mjs';

await runMany({
  name: 'walks',
  things: 'walks',
  part: 'test/freshness/walk-part.ts',
  page: 'test/results/walks.md',
  count: 100_000,
  title: 'Random walks',
  about:
    'short histories of a small organisation whose people and renewers act while a vault shows each of them what it likes ([freshness.md](../../docs/spec/freshness.md))',
});
