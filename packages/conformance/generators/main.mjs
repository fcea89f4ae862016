// `npm run vectors`: lists what makes vectors. `-- <name>…` runs those, `-- --all` all of them in their order. They add
// what is not there; what was published stays as it is.
import { GENERATORS, runGenerator } from './generators.mjs';
import { isPublished } from './published.mjs';

const given = process.argv.slice(2);
const unknown = given.filter((name) => name !== '--all' && GENERATORS[name] === undefined);
if (unknown.length > 0) throw new Error(`no generator is called ${unknown.join(', ')}`);

if (given.length === 0) {
  for (const [name, { program, makes }] of Object.entries(GENERATORS)) {
    const files = makes.map((file) => (isPublished(file) ? file : `${file} (not there)`));
    console.log(`${name}: ${program} makes ${files.join(', ')}`);
  }
}
for (const name of given.includes('--all') ? Object.keys(GENERATORS) : given) {
  runGenerator(name);
  console.log(`${name}: ${GENERATORS[name].makes.join(', ')}`);
}
