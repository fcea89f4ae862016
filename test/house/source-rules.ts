import ts from 'typescript';

/** A rule that the linter does not have: the places in a file that break it. */
export type SourceRule = (file: Source) => readonly ts.Node[];

/** A parsed file, with all of its nodes in the order of the text: rules share what only has to be made once. */
export class Source {
  readonly tree: ts.SourceFile;
  #nodes: readonly ts.Node[] | undefined;

  constructor(path: string, text: string) {
    this.tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  }

  get statements(): readonly ts.Statement[] {
    return this.tree.statements;
  }

  get nodes(): readonly ts.Node[] {
    this.#nodes ??= nodesOf(this.tree);
    return this.#nodes;
  }
}

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
  return file.statements.length > 0 && file.statements.every(passesOn) ? [file.tree] : [];
};

/** Without `authTagLength` Node accepts tags of four bytes. */
export const decipherWithoutTagLength: SourceRule = (file) =>
  file.nodes.filter(
    (node) =>
      ts.isCallExpression(node) &&
      calledName(node) === 'createDecipheriv' &&
      !hasMember(node.arguments[3], 'authTagLength'),
  );

/** The environment by another road than `process.env`, which the linter sees. */
export const environmentByDetour: SourceRule = (file) =>
  file.nodes.filter(
    (node) =>
      (ts.isVariableDeclaration(node) &&
        node.initializer !== undefined &&
        isProcess(node.initializer) &&
        ts.isObjectBindingPattern(node.name)) ||
      (ts.isElementAccessExpression(node) && isProcess(node.expression)),
  );

/** A row of the audit log from elsewhere than the outbox and the sequencer, by Kysely or in SQL of its own. */
export const auditedByDetour: SourceRule = (file) =>
  file.nodes.filter(
    (node) =>
      (ts.isCallExpression(node) &&
        /^(insert|replace|merge)Into$/.test(calledName(node) ?? '') &&
        /\baudit_(outbox|log|tile|entry)\b/.test(node.arguments[0]?.getText() ?? '')) ||
      ((ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) &&
        /\b(insert|merge)\s+into\b[^;]*\baudit_(outbox|log|tile|entry)\b/is.test(node.getText())),
  );

/** Whose custody a name is in, asked of the one function that knows, or read past it in a policy. */
export const asksForCustody: SourceRule = (file) =>
  file.nodes.filter(
    (node) =>
      (ts.isCallExpression(node) && calledName(node) === 'custodyOf') ||
      (ts.isPropertyAccessExpression(node) &&
        node.name.text === 'custody' &&
        /(^|[.#])policy$/i.test(node.expression.getText())),
  );

/**
 * Days and longer in SQL, as the time zone of a session has them: one may have 23 hours or 25, and an hour may begin at half
 * past. Hours are the same everywhere, and what is cut to an hour or a day is cut in UTC.
 */
export const timesOfSessions: SourceRule = (file) =>
  file.nodes.filter(
    (node) => (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) && TIME_OF_SESSION.test(node.getText()),
  );

const TIME_OF_SESSION =
  /\binterval\s+'[^']*(day|week|mon|year)|\bmake_interval\([^)]*\b(days|weeks|months|years)\s*=>|\bdate_trunc\('(?!second|minute)(?!.*'UTC')|\bcurrent_date\b|::date\b/is;

/** Names that only Node knows, in code that runs in browsers too. */
export const globalsOfNode: SourceRule = (file) =>
  file.nodes.filter(
    (node) =>
      ts.isIdentifier(node) &&
      /^(Buffer|process|require|module|global|__dirname|__filename|setImmediate)$/.test(node.text) &&
      !isMemberName(node),
  );

/** A class that Nest injects by its constructor must be there at run time; a type import compiles and then fails. */
export const injectsTypes: SourceRule = (file) => {
  const types = new Set(file.statements.filter(ts.isImportDeclaration).flatMap(typesImportedBy));
  return file.nodes.filter(
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
  file.nodes.filter(
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
  file.nodes.filter(
    (node) =>
      ts.isPropertyAccessExpression(node) && node.name.text === 'todo' && /^(it|test)$/.test(node.expression.getText()),
  );

/**
 * Names each place of a file that breaks the rule.
 * @returns `path:line`, in the order of the file
 */
export function breaches(rule: SourceRule, file: Source): string[] {
  const { tree } = file;
  return rule(file).map((node) => `${tree.fileName}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
}

/** Without the tokens that only punctuate: no rule is about those. */
function nodesOf(file: ts.SourceFile): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    node.forEachChild(visit);
  };
  visit(file);
  return nodes;
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
