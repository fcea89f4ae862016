import { appendFileSync } from 'node:fs';
import { EDGE_PROBLEMS, ProblemDocument } from '@bulla/contract';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { OpenapiDocument } from '../route/openapi.js';

interface AnswerToCheck {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface ResponseSchema {
  readonly content?: Readonly<Record<string, { schema?: object }>>;
}

interface OperationSchema {
  readonly operationId: string;
  readonly responses?: Readonly<Record<string, ResponseSchema>>;
}

/** Holds what a service answers against its own OpenAPI document. */
export class OpenapiContract {
  readonly #document: OpenapiDocument;
  readonly #noteTo: string | undefined;
  readonly #ajv: Ajv;
  /** By the schema as text: making one takes as long as a request. */
  readonly #validators = new Map<string, ValidateFunction>();
  /** Schemas as text, with references into the document. */
  readonly #texts = new WeakMap<object, string>();
  /** By its path in the document: what an address of it looks like. */
  readonly #templates: ReadonlyMap<string, RegExp>;
  readonly #noted = new Set<string>();

  /** @param noteTo a file to which a line is added for each problem that is answered, or undefined. */
  constructor(document: OpenapiDocument, { noteTo }: { readonly noteTo?: string | undefined } = {}) {
    this.#document = document;
    this.#noteTo = noteTo;
    // OpenAPI 3.0 schemas: `nullable` is known to ajv, the words that are not about validation are let be.
    this.#ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema({ $id: 'document', ...document });
    this.#templates = new Map(Object.keys(document.paths).map((template) => [template, addressOf(template)]));
  }

  /**
   * Checks status, media type and body of an answer.
   * @throws {Error} naming the route and what does not fit
   */
  check(method: string, path: string, answer: AnswerToCheck): void {
    const template = this.#templateOf(path);
    const { data: problem } = ProblemDocument.safeParse(answer.body);
    // What has no path in the document, or no such method, is answered with a problem all the same.
    const operation = (template === undefined ? undefined : this.#document.paths[template]?.[method.toLowerCase()]) as
      | OperationSchema
      | undefined;
    if (problem !== undefined) this.#note(operation?.operationId, problem);
    const place = `${method} ${template ?? '(no path of the document)'} answered ${answer.status}`;
    if (operation === undefined) return this.#validate('Problem', PROBLEM, answer.body, place);
    const response = this.#responseOf(operation, answer.status, problem);
    if (response === undefined) throw new Error(`${place}, which the document does not have`);
    const mediaType = (answer.headers['content-type'] ?? '').split(';')[0] ?? '';
    if (response.content === undefined) {
      if (answer.body !== undefined) throw new Error(`${place} with a body`);
      return undefined;
    }
    const content = response.content[mediaType];
    if (content === undefined) throw new Error(`${place} as "${mediaType}"`);
    // A stream is no JSON document; its events are held against their schema elsewhere.
    if (content.schema !== undefined && mediaType.endsWith('json'))
      this.#validate(place, content.schema, answer.body, place);
    return undefined;
  }

  /** What the document says of an answer; the problems of the edge stand once, for all operations. */
  #responseOf(
    { responses }: OperationSchema,
    status: number,
    problem: ProblemDocument | undefined,
  ): ResponseSchema | undefined {
    return isOfTheEdge(problem?.code)
      ? (this.#document.components['responses']?.['Edge'] as ResponseSchema)
      : responses?.[status];
  }

  /** A whole run of the tests compares what it provoked with what the contract declares (scripts/testing/problems.mjs). */
  #note(operation: string | undefined, { code, origin }: ProblemDocument): void {
    const place = isOfTheEdge(code) ? 'edge' : operation;
    if (this.#noteTo === undefined || place === undefined) return;
    const line = `${origin} ${place} ${code}\n`;
    if (!this.#noted.has(line)) appendFileSync(this.#noteTo, line);
    this.#noted.add(line);
  }

  #templateOf(path: string): string | undefined {
    const bare = path.replace(/\?.*$/, '');
    const templates = [...this.#templates].filter(([, address]) => address.test(bare)).map(([template]) => template);
    // `/prompts/by-name` is not `/prompts/{id}`.
    return templates.toSorted((left, right) => left.split('{').length - right.split('{').length)[0];
  }

  #validate(name: string, schema: object, body: unknown, place: string): void {
    const text = this.#texts.get(schema) ?? JSON.stringify(schema).replaceAll('"#/', '"document#/');
    this.#texts.set(schema, text);
    const validate = this.#validators.get(text) ?? this.#ajv.compile(JSON.parse(text) as object);
    this.#validators.set(text, validate);
    if (!validate(body))
      throw new Error(`${place}: the body does not fit ${name}: ${this.#ajv.errorsText(validate.errors)}`);
  }
}

const PROBLEM = { $ref: '#/components/schemas/Problem' };

function addressOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '[.]').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
}

function isOfTheEdge(code: string | undefined): boolean {
  return EDGE_PROBLEMS.some((one) => one === code);
}
