import { NAME_PATTERN } from '@bulla/crypto/names';

const BELOW = '/*';

/** A rule that cannot be kept. */
export class AllowError extends Error {
  override readonly name = 'AllowError';
}

/** The names that a host may see and run: exact ones, and all below a folder (`claims/*`). */
export class AllowedNames {
  readonly #names = new Set<string>();
  readonly #folders: string[] = [];

  /** @throws {AllowError} if a rule is neither a name nor a folder with `/*` */
  constructor(rules: readonly string[]) {
    // guard: mcp-allow-given
    if (rules.length === 0) throw new AllowError('no name is allowed: a host sees none unless you give it some');
    for (const rule of rules) {
      const isFolder = rule.endsWith(BELOW);
      const name = isFolder ? rule.slice(0, -BELOW.length) : rule;
      // guard: mcp-allow-form
      if (!NAME_PATTERN.test(name))
        throw new AllowError('a rule is the name of a prompt, or a folder of them such as claims/*');
      if (isFolder) this.#folders.push(`${name}/`);
      else this.#names.add(name);
    }
  }

  /** The rules, as a description names them. */
  get inWords(): string {
    return [...this.#names, ...this.#folders.map((folder) => `${folder}*`)].join(', ');
  }

  has(name: string): boolean {
    return this.#names.has(name) || this.#folders.some((folder) => name.startsWith(folder));
  }

  /** Beginnings of names under which all that is allowed can be found. */
  get prefixes(): readonly string[] {
    return [...this.#names, ...this.#folders];
  }
}
