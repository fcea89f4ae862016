import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repository } from '../../scripts/workspaces.mjs';
import { useTool } from '../house/tool.js';

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** `npm pack`, once and without a network. @returns the paths of the archives */
export function pack(folders: readonly string[], into: string): string[] {
  const options = ['--json', '--ignore-scripts', '--offline', '--pack-destination', into];
  const said = useTool('npm', ['pack', ...options, ...folders], into);
  return (JSON.parse(said) as { filename: string }[]).map(({ filename }) => join(into, filename));
}

/** An empty project in which a package was installed from its archive, and what it depends on from archives too. */
export class InstalledPackage {
  readonly #root = mkdtempSync(join(tmpdir(), 'bulla-package-'));
  /** The project. */
  readonly folder = join(this.#root, 'project');
  /** Of the package itself. */
  readonly archive: string;

  constructor(workspace: string) {
    const [archives, source] = [join(this.#root, 'archives'), join(repository, workspace)];
    for (const folder of [archives, this.folder]) mkdirSync(folder);
    const [own = '', ...others] = pack([source, ...dependenciesOf(source)], archives);
    this.archive = own;
    this.file('package.json', '{ "name": "empty", "private": true, "type": "module" }\n');
    const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    useTool('npm', ['install', ...options, this.archive, ...others], this.folder);
  }

  /** Writes a file of the project. */
  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** The folders of all packages that one needs, where they are installed in the repository. */
function dependenciesOf(folder: string, found = new Set<string>()): string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  for (const name of Object.keys(dependencies)) {
    const place = installed(name, folder);
    if (found.has(place)) continue;
    found.add(place);
    dependenciesOf(place, found);
  }
  return [...found];
}

/** As Node looks for it: in the folders above, from the nearest on. */
function installed(name: string, from: string): string {
  const place = join(from, 'node_modules', name);
  if (existsSync(join(place, 'package.json'))) return place;
  if (from === repository) throw new Error(`${name} is not installed`);
  return installed(name, dirname(from));
}
