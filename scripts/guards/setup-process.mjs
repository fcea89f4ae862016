// Prepares what the tests of a run share, as Jest's parent process does: databases that tests get copies of. Tells its
// parent what the environment of tests has to be, and takes everything away when the parent lets go of it.
import { pathToFileURL } from 'node:url';

const before = { ...process.env };
let teardowns = [];

async function call(paths) {
  for (const path of paths) await (await import(pathToFileURL(path).href)).default();
}

async function prepare(setup) {
  teardowns = setup.teardowns;
  await call(setup.setups);
  process.send(Object.fromEntries(Object.entries(process.env).filter(([name, value]) => before[name] !== value)));
}

process.on('message', (setup) => void prepare(setup));
process.on('disconnect', () => void call(teardowns).finally(() => process.exit()));
