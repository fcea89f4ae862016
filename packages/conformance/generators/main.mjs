// `npm run vectors`: lists what makes vectors. `-- <name>…` runs those, `-- --all` all of them in their order. They add
// what is not there; what was published stays as it is. Before the first release, `-- --documents-anew` signs root, policy
// and directory of all vectors anew, in a new format, by everybody's old keys, and makes anew what stands on them.
import { GENERATORS, runGenerator, WITH_DOCUMENTS } from './generators.mjs';
import { isPublished, remove } from './published.mjs';

const ANEW = '--documents-anew';
const given = process.argv.slice(2).filter((argument) => argument !== ANEW);
const unknown = given.filter((name) => name !== '--all' && GENERATORS[name] === undefined);
if (unknown.length > 0) throw new Error(`no generator is called ${unknown.join(', ')}`);

if (process.argv.includes(ANEW)) {
  const { anew, from, files } = WITH_DOCUMENTS;
  for (const name of anew) runGenerator(name, undefined, [ANEW]);
  for (const file of files) remove(file);
  for (const name of from) runGenerator(name);
} else if (given.length === 0) {
  for (const [name, { program, makes }] of Object.entries(GENERATORS)) {
    const files = makes.map((file) => (isPublished(file) ? file : `${file} (not there)`));
    console.log(`${name}: ${program} makes ${files.join(', ')}`);
  }
}
for (const name of given.includes('--all') ? Object.keys(GENERATORS) : given) {
  runGenerator(name);
  console.log(`${name}: ${GENERATORS[name].makes.join(', ')}`);
}
