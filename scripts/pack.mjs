// `npm run pack`: an archive of every workspace that runs elsewhere, each with the licence, in the folder `packed`, or in the
// one that is named: `-- <folder>`. Prints the path of each.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { repository, workspaces } from './workspaces.mjs';

/** Only for tests of this repository. */
const NOT_SHIPPED = new Set(['testkit', 'conformance']);

const [target = join(repository, 'packed')] = process.argv.slice(2);
for (const archive of packAll(target)) console.log(archive);

/** @returns {string[]} paths of the archives */
function packAll(into) {
  mkdirSync(into, { recursive: true });
  const staging = mkdtempSync(join(tmpdir(), 'bulla-pack-'));
  try {
    const stages = workspaces()
      .filter(({ name }) => !NOT_SHIPPED.has(name))
      .map(({ folder }) => stageOf(join(repository, folder), join(staging, basename(folder))));
    const options = ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', resolve(into)];
    const said = execFileSync('npm', [...options, ...stages], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(said).map(({ filename }) => join(resolve(into), filename));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Pages for man(1), made from the help of the commands that are packed; the manifest names them for npm to link. */
function writeManual(source, stage) {
  execFileSync(process.execPath, [join(source, 'bin/bulla.js'), '--quiet', 'man', '--out', join(stage, 'man')]);
  const path = join(stage, 'package.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  const man = readdirSync(join(stage, 'man')).map((file) => `./man/${file}`);
  writeFileSync(path, `${JSON.stringify({ ...manifest, man }, null, 2)}\n`);
}

/** Copies what is shipped of a workspace to a folder. @returns that folder */
function stageOf(source, stage) {
  const { files } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  mkdirSync(stage);
  const shipped = ['package.json', 'README.md', ...files.filter((file) => !file.startsWith('!'))];
  for (const file of shipped.filter((one) => existsSync(join(source, one))))
    cpSync(join(source, file), join(stage, file), {
      recursive: true,
      filter: (path) => !/\.tsbuildinfo$|\.test\.ts$/.test(path),
    });
  cpSync(join(repository, 'LICENSE'), join(stage, 'LICENSE'));
  if (shipped.includes('man')) writeManual(source, stage);
  return stage;
}
