import ts from 'typescript';

/** A rule that the linter does not have: the places in a file that break it. */
export type SourceRule = (file: ts.SourceFile) => readonly ts.Node[];

/** `export * from` hides what an entry offers; entries export by name. */
export const exportsAll: SourceRule = (file) =>
  file.statements.filter(
    (statement) =>
      ts.isExportDeclaration(statement) &&
      (statement.exportClause === undefined || ts.isNamespaceExport(statement.exportClause)),
  );

/** A file that only passes names on. Fine as a package's entry, noise inside of one. */
export const isBarrel: SourceRule = (file) => {
  const passesOn = (statement: ts.Statement) =>
    ts.isImportDeclaration(statement) || (ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined);
  return file.statements.length > 0 && file.statements.every(passesOn) ? [file] : [];
};

/** Without `authTagLength` Node accepts tags of four bytes. */
export const decipherWithoutTagLength: SourceRule = (file) =>
  nodesOf(file).filter(
    (node) =>
      ts.isCallExpression(node) &&
      calledName(node) === 'createDecipheriv' &&
      !hasMember(node.arguments[3], 'authTagLength'),
  );

/** The environment by another road than `process.env`, which the linter sees. */
export const environmentByDetour: SourceRule = (file) =>
  nodesOf(file).filter(
    (node) =>
      (ts.isVariableDeclaration(node) &&
        node.initializer !== undefined &&
        isProcess(node.initializer) &&
        ts.isObjectBindingPattern(node.name)) ||
      (ts.isElementAccessExpression(node) && isProcess(node.expression)),
  );

/** Names that only Node knows, in code that runs in browsers too. */
export const globalsOfNode: SourceRule = (file) =>
  nodesOf(file).filter(
    (node) =>
      ts.isIdentifier(node) &&
      /^(Buffer|process|require|module|global|__dirname|__filename|setImmediate)$/.test(node.text) &&
      !isMemberName(node),
  );

/** A class that Nest injects by its constructor must be there at run time; a type import compiles and then fails. */
export const injectsTypes: SourceRule = (file) => {
  const types = new Set(file.statements.filter(ts.isImportDeclaration).flatMap(typesImportedBy));
  return nodesOf(file).filter(
    (node) =>
      ts.isParameter(node) &&
      ts.isConstructorDeclaration(node.parent) &&
      ts.getDecorators(node.parent.parent as ts.ClassDeclaration) !== undefined &&
      node.type !== undefined &&
      types.has(node.type.getText()),
  );
};

/** Product code behaves the same under test. It may ask whether it is in production, where development roots are refused. */
export const modeOfRunning: SourceRule = (file) =>
  nodesOf(file).filter(
    (node) =>
      (ts.isIdentifier(node) || ts.isStringLiteralLike(node)) && node.text === 'NODE_ENV' && !asksForProduction(node),
  );

/** `x.NODE_ENV === 'production'` or `x['NODE_ENV'] === 'production'`. */
function asksForProduction({ parent: access }: ts.Node): boolean {
  const { parent: comparison } = access;
  return (
    comparison !== undefined &&
    ts.isBinaryExpression(comparison) &&
    comparison.operatorToken.kind === ts.SyntaxKind.EqualsEqualsEqualsToken &&
    comparison.left === access &&
    ts.isStringLiteralLike(comparison.right) &&
    comparison.right.text === 'production'
  );
}

/** A test to be written one day counts as nothing today. */
export const testsToDo: SourceRule = (file) =>
  nodesOf(file).filter(
    (node) =>
      ts.isPropertyAccessExpression(node) && node.name.text === 'todo' && /^(it|test)$/.test(node.expression.getText()),
  );

/**
 * Parses one file and names each place that breaks the rule.
 * @returns `path:line`, in the order of the file
 */
export function breaches(rule: SourceRule, path: string, text: string): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return rule(file).map((node) => `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
}

function nodesOf(node: ts.Node): ts.Node[] {
  return [node, ...node.getChildren().flatMap(nodesOf)];
}

function typesImportedBy({ importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings;
  if (importClause === undefined || bindings === undefined || !ts.isNamedImports(bindings)) return [];
  const wholly = importClause.phaseModifier === ts.SyntaxKind.TypeKeyword;
  return bindings.elements.filter((element) => wholly || element.isTypeOnly).map((element) => element.name.text);
}

function calledName(call: ts.CallExpression): string | undefined {
  if (ts.isIdentifier(call.expression)) return call.expression.text;
  return ts.isPropertyAccessExpression(call.expression) ? call.expression.name.text : undefined;
}

function hasMember(options: ts.Expression | undefined, name: string): boolean {
  return (
    options !== undefined &&
    ts.isObjectLiteralExpression(options) &&
    options.properties.some((property) => property.name?.getText() === name)
  );
}

/** Whether the identifier stands after a dot or before a colon, and so names a member and not a global. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node && parent.expression.getText() !== 'globalThis') ||
    ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) && parent.name === node)
  );
}

function isProcess(expression: ts.Expression): boolean {
  return /^(globalThis\.)?process$/.test(expression.getText());
}
