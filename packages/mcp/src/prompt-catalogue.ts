import type { Bulla, OpenedVersion } from '@bulla/client';
import { BullaError } from '@bulla/client';
import { parseTemplate, renderTemplate } from '@bulla/contract';
import type { GetPromptResult, Prompt } from '@modelcontextprotocol/sdk/types.js';
import type { AllowedNames } from './allowed-names.js';
import { badRequest } from './mcp-errors.js';

/** What a catalogue needs of the SDK. */
export type PromptSource = Pick<Bulla, 'prompts' | 'prompt'>;

/** What every description of a prompt says, so that nobody shows one without knowing. */
export const GOES_TO_HOST = 'Opened on this machine; its text goes to this host, and so to the provider of its model.';

/** The stored prompts that a host may see, opened on this machine as it asks for them. */
export class PromptCatalogue {
  readonly #source: PromptSource;
  readonly #allowed: AllowedNames;
  readonly #label: string;

  constructor(source: PromptSource, allowed: AllowedNames, label: string) {
    this.#source = source;
    this.#allowed = allowed;
    this.#label = label;
  }

  /** All that are allowed, bear the label and are sealed to this device. @throws {BullaError} */
  async list(): Promise<Prompt[]> {
    const prompts: Prompt[] = [];
    for (const name of await this.#names()) {
      const opened = await this.#openIfShown(name);
      if (opened !== undefined) prompts.push(describe(name, opened));
    }
    return prompts;
  }

  /**
   * One of them with its variables filled in.
   * @throws {McpError} if it is not shown, or a variable is wrong; {BullaError}
   */
  async get(name: string, vars: Readonly<Record<string, string>>): Promise<GetPromptResult> {
    this.requireAllowed(name);
    const opened = await this.#source.prompts.read(name, { label: this.#label });
    const { messages, vars: declared } = opened.statement.content;
    const values = valuesOf(declared, vars);
    return {
      description: descriptionOf(name, opened),
      messages: messages.map(({ role, content }) => ({
        // The protocol knows no instructions: a host tells them as its user's.
        role: role === 'assistant' ? 'assistant' : 'user',
        content: { type: 'text', text: renderTemplate(parseTemplate(content), values) },
      })),
    };
  }

  /** @throws {McpError} in the same words whether there is no such prompt or it is not allowed */
  requireAllowed(name: string): void {
    // guard: mcp-name-allowed
    if (!this.#allowed.has(name)) throw badRequest('no prompt of this name is shown here (bulla mcp --allow)');
  }

  async #names(): Promise<string[]> {
    const names = new Set<string>();
    for (const prefix of this.#allowed.prefixes)
      for await (const { name } of this.#source.prompts.list(prefix)) {
        // guard: mcp-listed-allowed without: names.add(name);
        if (this.#allowed.has(name)) names.add(name);
      }
    return [...names].toSorted();
  }

  async #openIfShown(name: string): Promise<OpenedVersion | undefined> {
    try {
      return await this.#source.prompts.read(name, { label: this.#label });
    } catch (error) {
      const isShown = !(error instanceof BullaError) || !(isUnsealed(error) || error.code === 'label_not_found');
      if (isShown) throw error;
      return undefined;
    }
  }
}

type Declared = OpenedVersion['statement']['content']['vars'];

function describe(name: string, opened: OpenedVersion): Prompt {
  const declared = Object.entries(opened.statement.content.vars);
  return {
    name,
    description: descriptionOf(name, opened),
    arguments: declared.map(([variable, { max, default: initial }]) => ({
      name: variable,
      description: `at most ${max} characters`,
      required: initial === undefined,
    })),
  };
}

function descriptionOf(name: string, { version }: OpenedVersion): string {
  return `${name}, version ${version}. ${GOES_TO_HOST}`;
}

/** What stands for each variable. @throws {McpError} that names the variable, and nothing of its value */
function valuesOf(declared: Declared, given: Readonly<Record<string, string>>): Map<string, string> {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(declared, name));
  if (unknown !== undefined) throw badRequest(`this prompt has no such variable; it has ${namesOf(declared)}`);
  const values = new Map<string, string>();
  for (const [name, { max, default: initial }] of Object.entries(declared)) {
    const value = Object.hasOwn(given, name) ? given[name] : initial;
    // guard: mcp-variable-missing without: if (value === undefined) continue;
    if (value === undefined) throw badRequest(`the variable ${name} is missing`);
    // guard: mcp-variable-length
    if (value.length > max) throw badRequest(`the variable ${name} has more than ${max} characters`);
    values.set(name, value);
  }
  return values;
}

function namesOf(declared: Declared): string {
  return Object.keys(declared).join(', ') || 'none';
}

function isUnsealed({ details }: BullaError): boolean {
  return details?.kind === 'unsealed';
}
