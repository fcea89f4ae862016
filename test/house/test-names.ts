import ts from 'typescript';

/**
 * A part of a test's full name: a text, a value of a table of the file, which then is written in the file too, or
 * anything at all.
 */
type Piece = string | typeof WRITTEN | typeof ANYTHING;
const WRITTEN = Symbol('written');
const ANYTHING = Symbol('anything');

/** What Jest fills in from a table: printf, the number of the row, a member of it. */
const PLACEHOLDER = /(%[sdifjop#%]|\$#|\$[A-Za-z_][\w.]*)/;
const IS_WRITTEN = /^(?:%[sdi]|\$[A-Za-z_].*)$/;
const READS_FILE = /^JSON\.parse\(readFileSync\(/;
/** Values that need not be written as texts. */
const PLAIN_VALUE = /^(?:true|false|null|undefined|-?\d+)/;

/** Tells whether a test file has a test of this full name, without running it. */
export class TestNames {
  readonly #names: readonly (readonly Piece[])[];
  readonly #texts: readonly string[];
  readonly #templates: readonly RegExp[];

  constructor(path: string, text: string) {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    this.#texts = [
      ...new Set(
        nodesOf(file)
          .filter(ts.isStringLiteralLike)
          .map((one) => one.text),
      ),
    ].filter(Boolean);
    this.#templates = nodesOf(file).filter(ts.isTemplateExpression).filter(hasHead).map(patternOf);
    this.#names = namesIn(file, []);
  }

  has(name: string): boolean {
    return this.#names.some((pieces) => this.#fits(name, pieces));
  }

  #fits(name: string, [piece, ...rest]: readonly Piece[]): boolean {
    if (piece === undefined) return name === '';
    const beginnings = piece === ANYTHING ? beginningsOf(name) : piece === WRITTEN ? this.#valuesAt(name) : [piece];
    return beginnings.some((one) => name.startsWith(one) && this.#fits(name.slice(one.length), rest));
  }

  /** Values of tables that a name may go on with. */
  #valuesAt(name: string): string[] {
    const filled = beginningsOf(name).filter((one) => this.#templates.some((template) => template.test(one)));
    return [...this.#texts.filter((text) => name.startsWith(text)), ...(PLAIN_VALUE.exec(name) ?? []), ...filled];
  }
}

function beginningsOf(text: string): string[] {
  return Array.from({ length: text.length + 1 }, (_, length) => text.slice(0, length));
}

function namesIn(node: ts.Node, within: readonly Piece[]): Piece[][] {
  // Tests that a function declares stand wherever it is called.
  if (ts.isFunctionDeclaration(node)) return childNamesIn(node, [ANYTHING]);
  if (!ts.isCallExpression(node)) return childNamesIn(node, within);
  const [title, body] = node.arguments;
  if (title === undefined || body === undefined || !isTitle(title) || !isFunction(body))
    return childNamesIn(node, within);
  const name = [...within, ...(within.length > 0 ? [' '] : []), ...piecesOf(title, tableOf(node.expression))];
  return /^(?:it|test)\b/.test(node.expression.getText()) ? [name] : childNamesIn(body, name);
}

function childNamesIn(node: ts.Node, within: readonly Piece[]): Piece[][] {
  const names: Piece[][] = [];
  ts.forEachChild(node, (child) => void names.push(...namesIn(child, within)));
  return names;
}

function piecesOf(title: Title, table: ts.Expression | undefined): Piece[] {
  if (ts.isTemplateExpression(title))
    return [title.head.text, ...title.templateSpans.flatMap(({ literal }): Piece[] => [ANYTHING, literal.text])];
  if (table === undefined) return [title.text];
  const filled: Piece = isImported(table) ? ANYTHING : WRITTEN;
  return title.text.split(PLACEHOLDER).map((part): Piece => {
    if (!PLACEHOLDER.test(part)) return part;
    if (part === '%%') return '%';
    return IS_WRITTEN.test(part) ? filled : ANYTHING;
  });
}

type Title = ts.StringLiteralLike | ts.TemplateExpression;

function isTitle(node: ts.Expression): node is Title {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

function isFunction(node: ts.Expression): boolean {
  return ts.isArrowFunction(node) || ts.isFunctionExpression(node);
}

/** The table of `it.each(table)`, or of a group. */
function tableOf(callee: ts.Expression): ts.Expression | undefined {
  if (!ts.isCallExpression(callee) || !ts.isPropertyAccessExpression(callee.expression)) return undefined;
  return callee.expression.name.text === 'each' ? callee.arguments[0] : undefined;
}

/** Whether a table, or something that it is made of, is written in another file: a module, or vectors that are read. */
function isImported(table: ts.Expression): boolean {
  const { statements } = table.getSourceFile();
  const imports = statements.filter(ts.isImportDeclaration);
  const names = imports.flatMap(({ importClause }) => {
    const bindings = importClause?.namedBindings;
    return bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name.text) : [];
  });
  for (const { name, initializer } of statements.filter(ts.isVariableStatement).flatMap(declarationsOf))
    if (initializer !== undefined && READS_FILE.test(initializer.getText())) names.push(...boundNames(name));
  const used: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.push(node.text);
    ts.forEachChild(node, visit);
  };
  if (!ts.isArrayLiteralExpression(table) || table.elements.some((element) => ts.isSpreadElement(element)))
    visit(table);
  return used.some((name) => names.includes(name));
}

function declarationsOf({ declarationList }: ts.VariableStatement): readonly ts.VariableDeclaration[] {
  return declarationList.declarations;
}

function boundNames(name: ts.BindingName): string[] {
  return ts.isIdentifier(name)
    ? [name.text]
    : name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []));
}

function nodesOf(node: ts.Node): ts.Node[] {
  const below = [node];
  ts.forEachChild(node, (child) => void below.push(...nodesOf(child)));
  return below;
}

/** A template that says something before its first value; any other would fit everything. */
function hasHead({ head }: ts.TemplateExpression): boolean {
  return /\w/.test(head.text);
}

function patternOf({ head, templateSpans }: ts.TemplateExpression): RegExp {
  const texts = [head.text, ...templateSpans.map(({ literal }) => literal.text)];
  return new RegExp(`^${texts.map(escaped).join('.+')}$`, 's');
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&');
}
