import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { OpenapiDocument } from './openapi.js';

interface AnswerToCheck {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface OperationSchema {
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>>;
}

/** Holds what a service answers against its own OpenAPI document. */
export class OpenapiContract {
  readonly #document: OpenapiDocument;
  readonly #ajv: Ajv;
  /** By the schema as text: making one takes as long as a request. */
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(document: OpenapiDocument) {
    this.#document = document;
    // OpenAPI 3.0 schemas: `nullable` is known to ajv, the words that are not about validation are let be.
    this.#ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema({ $id: 'document', ...document });
  }

  /**
   * Checks status, media type and body of an answer.
   * @throws {Error} naming the route and what does not fit
   */
  check(method: string, path: string, answer: AnswerToCheck): void {
    const template = this.#templateOf(path);
    // What has no path in the document, or no such method, is answered with a problem all the same.
    const operation = template === undefined ? undefined : this.#document.paths[template]?.[method.toLowerCase()];
    const place = `${method} ${template ?? '(no path of the document)'} answered ${answer.status}`;
    if (operation === undefined)
      return this.#validate('Problem', { $ref: '#/components/schemas/Problem' }, answer.body, place);
    const response = (operation as OperationSchema).responses?.[answer.status];
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

  #templateOf(path: string): string | undefined {
    const bare = path.replace(/\?.*$/, '');
    const fits = (template: string) =>
      new RegExp(`^${template.replaceAll('.', '[.]').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(bare);
    const templates = Object.keys(this.#document.paths).filter(fits);
    // `/prompts/by-name` is not `/prompts/{id}`.
    return templates.toSorted((left, right) => left.split('{').length - right.split('{').length)[0];
  }

  #validate(name: string, schema: object, body: unknown, place: string): void {
    const absolute = JSON.stringify(schema).replaceAll('"#/', '"document#/');
    const validate = this.#validators.get(absolute) ?? this.#ajv.compile(JSON.parse(absolute) as object);
    this.#validators.set(absolute, validate);
    if (!validate(body))
      throw new Error(`${place}: the body does not fit ${name}: ${this.#ajv.errorsText(validate.errors)}`);
  }
}
