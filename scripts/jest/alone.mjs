/** Test files that need the machine to themselves, as patterns of Jest: they run at the end, one after the other. */
export const ALONE = [
  // They time how long services take to be ready, and how many kills fit in between.
  '/test/faults/kills-(apart|embedded)\\.test\\.ts$',
  // They read the memory of processes.
  '/test/leaks/(apart|stores)\\.test\\.ts$',
];
