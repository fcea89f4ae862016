import ts from 'typescript';
import { nodesOf, parsed } from './syntax.mjs';

const MEANT = /\[\s*(?:guard|refuses)\s*:[^\]]*\]?/gi;
const TAG = /^\[(?<kind>guard|refuses): (?<name>[a-z0-9]+(?:-[a-z0-9]+)*)\]$/;

/**
 * A name in the title of a test, or in a row of its table: of the guard that it must notice (`[guard: NAME]`), or of what
 * the protocol refuses and it shows (`[refuses: NAME]`).
 * @typedef {{ kind: 'guard' | 'refuses', name: string, file: string, line: number }} Tag
 */

/**
 * The tags of a test file, which stand in string literals and in templates.
 * @param {string} file
 * @param {string} text
 * @returns {{ tags: Tag[], errors: string[] }} errors begin with file and line
 */
export function tagsIn(file, text) {
  const source = parsed(file, text);
  const tags = [];
  const errors = [];
  for (const node of nodesOf(source)) {
    if (!isText(node)) continue;
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    for (const [written] of node.text.matchAll(MEANT)) {
      const found = TAG.exec(written)?.groups;
      if (found === undefined) errors.push(`${file}:${line}: not a tag: ${written}`);
      else tags.push({ kind: found.kind, name: found.name, file, line });
    }
  }
  return { tags, errors };
}

/**
 * A tag as it is written.
 * @param {'guard' | 'refuses'} kind
 * @param {string} name
 */
export function tagOf(kind, name) {
  return `[${kind}: ${name}]`;
}

/**
 * A test's name without its tags.
 * @param {string} name
 */
export function withoutTags(name) {
  return name.replaceAll(/ ?\[(?:guard|refuses): [a-z0-9-]+\]/g, '');
}

function isText(node) {
  return ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
}
