import ts from 'typescript';
import { repository } from '../workspaces.mjs';
import { withoutGuard } from './guards-in.mjs';

/**
 * Type-checks the code that somebody wrote for the time without a guard, where it would stand. What else no longer fits
 * once a guard is gone is left to the run.
 * @param {readonly import('./guards-in.mjs').Guard[]} guards
 * @returns {Map<string, string>} the first error, by the guard's name
 */
export function typeErrorsOf(guards) {
  const files = [
    ...Map.groupBy(
      guards.filter(({ isWritten }) => isWritten),
      ({ file }) => file,
    ).values(),
  ];
  const rounds = Math.max(0, ...files.map((inFile) => inFile.length));
  const errors = new Map();
  const host = new ChangedSources();
  // Each round checks one guard of every file: programs are dear, and what they read is shared.
  for (let round = 0; round < rounds; round++) {
    const inRound = files.flatMap((inFile) => inFile[round] ?? []);
    const program = host.programWithout(inRound);
    for (const guard of inRound) {
      const error = errorIn(program, guard);
      if (error !== undefined) errors.set(guard.name, error);
    }
  }
  return errors;
}

/** Programs of sources of which some have another text. */
class ChangedSources {
  #options = optionsOfTests();
  #host = ts.createCompilerHost(this.#options, true);
  #read = new Map();
  #program;

  programWithout(guards) {
    const changed = new Map(guards.map((guard) => [pathOf(guard), guard]));
    const getSourceFile = (path, languageVersion) => {
      const guard = changed.get(path);
      if (guard === undefined) return this.#sourceFile(path, languageVersion);
      const text = withoutGuard(this.#sourceFile(path, languageVersion).text, guard);
      return ts.createSourceFile(path, text, languageVersion, true);
    };
    const host = { ...this.#host, getSourceFile };
    this.#program = ts.createProgram([...changed.keys()], this.#options, host, this.#program);
    return this.#program;
  }

  #sourceFile(path, languageVersion) {
    if (!this.#read.has(path)) this.#read.set(path, this.#host.getSourceFile(path, languageVersion));
    return this.#read.get(path);
  }
}

function errorIn(program, guard) {
  const source = program.getSourceFile(pathOf(guard));
  const end = guard.start + guard.code.length;
  const [first] = [
    ...program.getSyntacticDiagnostics(source),
    ...program
      .getSemanticDiagnostics(source)
      .filter(({ start, length }) => start < end && start + length > guard.start),
  ];
  return first && ts.flattenDiagnosticMessageText(first.messageText, ' ');
}

function pathOf({ file }) {
  return `${repository}/${file}`;
}

function optionsOfTests() {
  const path = `${repository}/tsconfig.tests.json`;
  const { config } = ts.readConfigFile(path, (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, repository);
  return { ...options, incremental: false, tsBuildInfoFile: undefined, allowUnreachableCode: true };
}
