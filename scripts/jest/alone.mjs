/**
 * Test files, as regular expressions on their paths, that must have the machine to themselves, one after the other: next
 * to others they would find faults that are the machine's.
 */
export const ALONE = [
  // Clients give a service up that is gone for a minute: kills one after the other must be outlived within it.
  'test/faults/kills-(apart|embedded)\\.test\\.ts$',
  // A client that finds its answer late, or a lease that is not renewed in time, looks like a fault of two replicas.
  'test/faults/replicas\\.test\\.ts$',
];
