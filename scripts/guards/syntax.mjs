import ts from 'typescript';

/**
 * The syntax tree of a TypeScript source.
 * @param {string} file
 * @param {string} text
 */
export function parsed(file, text) {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

/**
 * Every node below one, itself included, from the outside in.
 * @param {ts.Node} node
 * @returns {Generator<ts.Node>}
 */
export function* nodesOf(node) {
  yield node;
  const children = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* nodesOf(child);
}

/**
 * The tokens of a source in their order, up to the end of the file.
 * @param {ts.SourceFile} source
 * @returns {ts.Node[]}
 */
export function tokensOf(source) {
  const tokens = [];
  const visit = (node) => {
    if (ts.isJSDoc(node)) return;
    if (ts.isTokenKind(node.kind)) tokens.push(node);
    else for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return tokens;
}

/**
 * A comment between two tokens.
 * @typedef {object} Comment
 * @property {string} text without `//`; a block comment with its slashes
 * @property {boolean} isLine
 * @property {number} line from 0
 * @property {ts.Node | undefined} after the token before it on its line; undefined on a line of its own
 * @property {ts.Node} before the token that follows
 */

/**
 * The comments of a source. Text within strings and templates is not a comment.
 * @param {ts.SourceFile} source
 * @returns {Comment[]}
 */
export function commentsOf(source) {
  const comments = [];
  let previous;
  for (const token of tokensOf(source)) {
    const gap = previous?.end ?? 0;
    const add = (after) => (range) => comments.push(commentAt(source, range, after, token));
    if (previous !== undefined) ts.getTrailingCommentRanges(source.text, gap)?.forEach(add(previous));
    ts.getLeadingCommentRanges(source.text, gap)?.forEach(add(undefined));
    previous = token;
  }
  return comments;
}

function commentAt(source, { pos, end, kind }, after, before) {
  const isLine = kind === ts.SyntaxKind.SingleLineCommentTrivia;
  const line = source.getLineAndCharacterOfPosition(pos).line;
  return { text: source.text.slice(isLine ? pos + 2 : pos, end), isLine, line, after, before };
}
