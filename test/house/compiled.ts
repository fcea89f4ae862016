import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { repository } from '../../scripts/workspaces.mjs';

/** What the compiler reads in the place of files, by their path from the repository. */
export type Replaced = Readonly<Record<string, string>>;

/** A change of a source that a test plants. */
export interface Plant {
  /** Path from the repository. */
  readonly file: string;
  /** What stands there once. */
  readonly instead: string;
  readonly by: string;
}

/** Files as they are: each is read and parsed once for all programs of a test file. */
const asTheyAre = new Map<string, ts.SourceFile | undefined>();

/** Files with plants in them. @throws {Error} if what a plant takes the place of does not stand there once */
export function planted(plants: readonly Plant[]): Replaced {
  const replaced: Record<string, string> = {};
  for (const { file, instead, by } of plants) {
    const parts = (replaced[file] ?? readFileSync(`${repository}/${file}`, 'utf8')).split(instead);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${instead}`);
    replaced[file] = parts.join(by);
  }
  return replaced;
}

/**
 * What the compiler says of some files while others read as they are given.
 * @param files paths from the repository
 * @returns `path: message`, in the order of the files
 */
export function complaints(files: readonly string[], replaced: Replaced = {}): string[] {
  const { config } = ts.readConfigFile(`${repository}/tsconfig.base.json`, (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      lib: ['es2024', 'dom', 'dom.iterable'],
      noEmit: true,
      composite: false,
      experimentalDecorators: true,
    },
    repository,
  );
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, target) => {
    const text = replaced[name.slice(repository.length + 1)];
    if (text !== undefined) return ts.createSourceFile(name, text, target, true);
    if (!asTheyAre.has(name)) asTheyAre.set(name, read(name, target));
    return asTheyAre.get(name);
  };
  const paths = files.map((file) => `${repository}/${file}`);
  const program = ts.createProgram(paths, options, host);
  return files.flatMap((file, index) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(paths[index] ?? ''))
      .map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
  );
}
