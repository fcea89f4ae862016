import ts from 'typescript';

/** A full name as a test file writes it. */
interface NamePattern {
  readonly source: string;
  /** Whether each of its groups is filled in with a text of a table, which then stands in the file too. */
  readonly written: readonly boolean[];
}

const ANYTHING: NamePattern = { source: '.*', written: [] };
/** What Jest fills in from a table: printf, the number of the row, a member of it. */
const PLACEHOLDER = /%[sdifjop#%]|\$#|\$[A-Za-z_][\w.]*/g;
/** Values that need not be written as texts. */
const PLAIN_VALUE = /^(?:true|false|null|undefined|-?\d+)$/;

/** Tells whether a test file has a test of this full name, without running it. */
export class TestNames {
  readonly #patterns: readonly NamePattern[];
  readonly #texts: ReadonlySet<string>;

  constructor(path: string, text: string) {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    this.#texts = new Set(textsOf(file));
    this.#patterns = namesIn(file, undefined);
  }

  has(name: string): boolean {
    return this.#patterns.some(({ source, written }) => {
      const filled = new RegExp(`^${source}$`, 's').exec(name)?.slice(1);
      return filled?.every((value, at) => !written[at] || this.#texts.has(value) || PLAIN_VALUE.test(value));
    });
  }
}

function namesIn(node: ts.Node, within: NamePattern | undefined): NamePattern[] {
  // Tests that a function declares stand wherever it is called.
  if (ts.isFunctionDeclaration(node)) return childNamesIn(node, ANYTHING);
  if (!ts.isCallExpression(node)) return childNamesIn(node, within);
  const [title, body] = node.arguments;
  if (title === undefined || body === undefined || !isTitle(title) || !isFunction(body))
    return childNamesIn(node, within);
  const own = patternOf(title, isTable(node.expression));
  const name = within === undefined ? own : joined(within, own);
  return /^(?:it|test)\b/.test(node.expression.getText()) ? [name] : childNamesIn(body, name);
}

function childNamesIn(node: ts.Node, within: NamePattern | undefined): NamePattern[] {
  const names: NamePattern[] = [];
  ts.forEachChild(node, (child) => void names.push(...namesIn(child, within)));
  return names;
}

function joined(outer: NamePattern, inner: NamePattern): NamePattern {
  return { source: `${outer.source} ${inner.source}`, written: [...outer.written, ...inner.written] };
}

function patternOf(title: Title, fromTable: boolean): NamePattern {
  if (ts.isTemplateExpression(title)) {
    const rest = title.templateSpans.map(({ literal }) => `.+${escaped(literal.text)}`);
    return { source: `${escaped(title.head.text)}${rest.join('')}`, written: [] };
  }
  if (!fromTable) return { source: escaped(title.text), written: [] };
  const placeholders = [...title.text.matchAll(PLACEHOLDER)].map(([placeholder]) => placeholder);
  const [first = '', ...others] = title.text.split(PLACEHOLDER);
  const source = others.map((text, at) => `${placeholders[at] === '%%' ? '%' : '(.+)'}${escaped(text)}`);
  const written = placeholders.filter((one) => one !== '%%').map((one) => /^(?:%[sdi]|\$[A-Za-z_])/.test(one));
  return { source: `${escaped(first)}${source.join('')}`, written };
}

type Title = ts.StringLiteralLike | ts.TemplateExpression;

function isTitle(node: ts.Expression): node is Title {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

function isFunction(node: ts.Expression): boolean {
  return ts.isArrowFunction(node) || ts.isFunctionExpression(node);
}

/** `it.each(table)`, or the same of a group. */
function isTable(callee: ts.Expression): boolean {
  return (
    ts.isCallExpression(callee) &&
    ts.isPropertyAccessExpression(callee.expression) &&
    callee.expression.name.text === 'each'
  );
}

function textsOf(node: ts.Node): string[] {
  const below: string[] = ts.isStringLiteralLike(node) ? [node.text] : [];
  ts.forEachChild(node, (child) => void below.push(...textsOf(child)));
  return below;
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&');
}
