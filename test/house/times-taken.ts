import ts from 'typescript';
import { repository } from '../../scripts/workspaces.mjs';

/** An exported function, or a method of an exported class, that takes a time as a number, and where among what it takes. */
export interface TakesTime {
  /** As it is called: `findLockOut`, `Trust.establish` (static) or `Trust#clock`. */
  readonly name: string;
  readonly parameters: number;
  /** Of the parameter, and of the member of it that is the time, if it is one. */
  readonly parameter: number;
  readonly member: string | undefined;
}

/** What times of callers are called; times inside of tokens are checked with the shape of the token. */
const TIMES = new Set(['now', 'nowMs', 'at', 'seconds', 'clock', 'graceSeconds']);

/**
 * All that a module exports and that takes a time.
 * @param path of its source.
 */
export function timesTaken(path: string): readonly TakesTime[] {
  const program = ownProgram(path);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${path} is no module`);
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const declaration = symbol.valueDeclaration;
    if (declaration === undefined) return [];
    const type = checker.getTypeOfSymbolAtLocation(symbol, declaration);
    if (!ts.isClassDeclaration(declaration)) return takenBy(checker, exported.name, type.getCallSignatures());
    const members = (of: ts.Type, mark: string) =>
      of.getProperties().flatMap((member) => {
        const at = member.valueDeclaration;
        if (at === undefined || !ts.isMethodDeclaration(at)) return [];
        const called = checker.getTypeOfSymbolAtLocation(member, at).getCallSignatures();
        return takenBy(checker, `${exported.name}${mark}${member.name}`, called);
      });
    return [...members(type, '.'), ...members(checker.getDeclaredTypeOfSymbol(symbol), '#')];
  });
}

function takenBy(checker: ts.TypeChecker, name: string, signatures: readonly ts.Signature[]): TakesTime[] {
  return signatures.flatMap(({ parameters }) =>
    parameters.flatMap((symbol, parameter): TakesTime[] => {
      const at = symbol.valueDeclaration;
      if (at === undefined) return [];
      const type = checker.getTypeOfSymbolAtLocation(symbol, at);
      const entry = { name, parameters: parameters.length, parameter };
      if (TIMES.has(symbol.name) && isNumber(checker, type)) return [{ ...entry, member: undefined }];
      // What is parsed or made elsewhere has times that nobody passes.
      return checker
        .getNonNullableType(type)
        .getProperties()
        .filter((member) => TIMES.has(member.name) && isNumber(checker, checker.getTypeOfSymbolAtLocation(member, at)))
        .map((member) => ({ ...entry, member: member.name }));
    }),
  );
}

function isNumber(checker: ts.TypeChecker, type: ts.Type): boolean {
  return (checker.getNonNullableType(type).flags & ts.TypeFlags.NumberLike) !== 0;
}

/** Only our own sources: what others wrote is a hundred times as much, and takes no time of ours. */
function ownProgram(path: string): ts.Program {
  const options = optionsOfTests();
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version) =>
    name.includes('/node_modules/') ? ts.createSourceFile(name, 'export {};', version) : read(name, version);
  return ts.createProgram([path], options, host);
}

function optionsOfTests(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${repository}/tsconfig.tests.json`, (file) => ts.sys.readFile(file)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, repository);
  return { ...options, incremental: false, noEmit: true, noLib: true, types: [] };
}
