import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { repository, workspaces } from '../../scripts/workspaces.mjs';

/** Functions of platforms and libraries that take a private encryption key or a content key, or make one from another. */
const OPENING = new Set([
  'createDecipheriv',
  'createPrivateKey',
  'decrypt',
  'deriveBits',
  'deriveKey',
  'diffieHellman',
  'privateDecrypt',
  'unwrap',
  'unwrapKey',
  'compactDecrypt',
  'flattenedDecrypt',
  'generalDecrypt',
  'importPKCS8',
  'jwtDecrypt',
]);
/** What a key may be imported for without opening anything. */
const HARMLESS_USAGES = new Set(['encrypt', 'sign', 'verify', 'wrapKey']);

/**
 * The sources that a source reaches by its imports, through packages of this repository: path in it to text.
 * @param room a folder that it does not look into.
 */
export function moduleGraph(entry: string, room?: string): ReadonlyMap<string, string> {
  const reached = new Map<string, string>();
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path) || (room !== undefined && path.startsWith(room))) continue;
    const text = readFileSync(join(repository, path), 'utf8');
    reached.set(path, text);
    for (const specifier of specifiersOf(path, text)) waiting.push(...sourcesOf(specifier, path));
  }
  return reached;
}

function specifiersOf(path: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && !isOnlyTypes(node)) {
      if (node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier))
        found.push(node.moduleSpecifier.text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [name] = node.arguments;
      if (name !== undefined && ts.isStringLiteral(name)) found.push(name.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed(path, text));
  return found;
}

function isOnlyTypes(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  return ts.isImportDeclaration(node)
    ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    : node.isTypeOnly;
}

/** Of a specifier with a form for each platform all of them; none for what is not ours. */
function sourcesOf(specifier: string, from: string): string[] {
  if (specifier.startsWith('.')) {
    const path = join(dirname(from), specifier.replace(/\.js$/, '.ts'));
    return existsSync(join(repository, path)) ? [path] : [];
  }
  const [, scoped, inside = ''] = /^(@bulla\/[^/]+)(\/.+)?$/.exec(specifier) ?? [];
  const folder = specifier.startsWith('#')
    ? from.split('/').slice(0, 2).join('/')
    : workspaces().find(({ name }) => `@bulla/${name}` === scoped)?.folder;
  if (folder === undefined) return [];
  const manifest = JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8')) as Manifest;
  const target = specifier.startsWith('#') ? manifest.imports?.[specifier] : manifest.exports[`.${inside}`];
  if (target === undefined) throw new Error(`${from} imports ${specifier}, which is not there`);
  const ours = pathsOf(target['bulla-source']).filter((path) => path.startsWith('.'));
  return ours.map((path) => relative(repository, resolve(repository, folder, path)));
}

type Target = string | { readonly [condition: string]: Target };
interface Manifest {
  readonly imports?: Readonly<Record<string, Readonly<Record<string, Target>>>>;
  readonly exports: Readonly<Record<string, Readonly<Record<string, Target>>>>;
}

function pathsOf(target: Target | undefined): string[] {
  if (target === undefined) return [];
  return typeof target === 'string' ? [target] : Object.values(target).flatMap(pathsOf);
}

/** The calls of a source that open something or take a key for that, by the name of what is called. */
export function openingCalls(path: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const name = calledName(node.expression);
      // A schema of zod is unwrapped with nothing.
      if (OPENING.has(name) && node.arguments.length > 0) found.push(name);
      if (name === 'importKey' && !isHarmless(node.arguments.at(-1))) found.push(name);
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed(path, text));
  return found.toSorted();
}

function calledName(expression: ts.Expression): string {
  if (ts.isPropertyAccessExpression(expression)) return expression.name.text;
  if (ts.isElementAccessExpression(expression) && ts.isStringLiteral(expression.argumentExpression))
    return expression.argumentExpression.text;
  return ts.isIdentifier(expression) ? expression.text : '';
}

/** Whether the usages of an import are written where it is, and none of them opens. */
function isHarmless(usages: ts.Expression | undefined): boolean {
  if (usages === undefined || !ts.isArrayLiteralExpression(usages)) return false;
  return usages.elements.every((usage) => ts.isStringLiteral(usage) && HARMLESS_USAGES.has(usage.text));
}

function parsed(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/**
 * The functions that can be reached from a value and that open something, by the way to them and by name. Through properties, members
 * of classes, and what maps and sets hold; closures keep what they have to themselves.
 */
export function openingFunctions(value: unknown, way = ''): string[] {
  const seen = new Set<unknown>();
  const found: string[] = [];
  const visit = (one: unknown, at: string): void => {
    if ((typeof one !== 'object' && typeof one !== 'function') || one === null || seen.has(one)) return;
    seen.add(one);
    if (typeof one === 'function') {
      const text = Function.prototype.toString.call(one);
      if (!/\{\s*\[native code\]\s*\}$/.test(text) && openingCalls('reached.js', `(${asExpression(text)})`).length > 0)
        found.push(`${at} (${one.name})`);
    }
    if (one instanceof Map || one instanceof Set) for (const entry of one) visit(entry, `${at}[]`);
    for (const key of Reflect.ownKeys(one)) {
      const property = Object.getOwnPropertyDescriptor(one, key);
      const name = `${at}.${String(key)}`;
      for (const part of Object.values(property ?? {})) visit(part, name);
    }
    visit(Object.getPrototypeOf(one), `${at}.__proto__`);
  };
  visit(value, way);
  return found;
}

/** A method's text is no expression; in an object it is. */
function asExpression(text: string): string {
  return /^(?:async\s+)?(?:function\b|class\b|\(|[\w$]+\s*=>)/.test(text) ? text : `{ ${text} }`;
}
