/** Who can open what, by the rules of docs/spec alone: nothing here asks the vault, and nothing is encrypted. */

/** People's devices and responders by their names in a walk. */
export type Who = 'owner' | 'ann' | 'desk' | 'ben' | 'cat' | 'eva' | 'eu1' | 'eu2' | 'far';

export const DEVICES = ['owner', 'ann', 'desk', 'ben', 'cat', 'eva'] as const satisfies readonly Who[];
export const RESPONDERS = ['eu1', 'eu2', 'far'] as const satisfies readonly Who[];
export const EVERYBODY: readonly Who[] = [...DEVICES, ...RESPONDERS];

/** Devices of one person. */
const PEOPLE: readonly (readonly Who[])[] = [['ann', 'desk']];
const AUTHORS: readonly Who[] = ['owner', 'ann'];
/** They may see prompts and add no grant. */
const ONLOOKERS: readonly Who[] = ['cat'];

/** A grant of one key. */
interface KnownGrant {
  /** Who stored it. */
  readonly by: Who | 'vault';
  /** Not where who made it had no key of the version: the vault cannot try a grant. */
  readonly opens: boolean;
}

export interface KnownVersion {
  readonly author: Who;
  /** Who signed it: the author, or the vault that was told in the clear what it says. */
  readonly signer: Who | 'vault';
  /** Responders that it names. */
  readonly runsAt: readonly Who[];
  /** Whether the vault has its key. */
  isWrapped: boolean;
  /** By the key that they are sealed to. */
  readonly grants: Map<string, KnownGrant>;
}

export type Custody = 'sealed' | 'managed';

export interface KnownPrompt {
  readonly versions: KnownVersion[];
  isDeleted: boolean;
  /** Of its name. */
  custody: Custody;
}

export class Model {
  /** By their names, which are there from the beginning. */
  readonly prompts: readonly KnownPrompt[];
  readonly revoked = new Set<Who>();
  /** Keys that things are sealed to now, the newest first. */
  readonly #active: ReadonlyMap<Who, string[]>;
  /** Keys that only open, and whose they are. */
  readonly #ended = new Map<string, Who>();

  /**
   * @param custody of each name
   * @param keys the first of everybody
   */
  constructor(custody: readonly Custody[], keys: ReadonlyMap<Who, string>) {
    this.prompts = custody.map((one) => ({ versions: [], isDeleted: false, custody: one }));
    this.#active = new Map([...keys].map(([who, kid]) => [who, [kid]]));
  }

  activeOf(who: Who): string[] {
    return this.#active.get(who) ?? [];
  }

  keysOf(who: Who): readonly string[] {
    const ended = [...this.#ended].filter(([, of]) => of === who);
    return [...this.activeOf(who), ...ended.map(([kid]) => kid)];
  }

  newestOf(who: Who): string {
    const [kid] = this.activeOf(who);
    if (kid === undefined) throw new Error(`nothing is sealed to ${who}`);
    return kid;
  }

  /** Somebody stores a grant for somebody's newest key; one that is there stays. */
  give(version: KnownVersion, to: Who, by: Who): void {
    const kid = this.newestOf(to);
    if (!version.grants.has(kid)) version.grants.set(kid, { by, opens: this.opens(by, version) });
  }

  end(who: Who, kid: string): void {
    const keys = this.activeOf(who);
    keys.splice(keys.indexOf(kid), 1);
    this.#ended.set(kid, who);
  }

  isIn(who: Who): boolean {
    return !this.revoked.has(who);
  }

  holds(who: Who, { grants }: KnownVersion): boolean {
    return this.keysOf(who).some((kid) => grants.has(kid));
  }

  /** Whether a grant that somebody holds gives them the version's key. */
  opens(who: Who, { grants }: KnownVersion): boolean {
    return this.keysOf(who).some((kid) => grants.get(kid)?.opens === true);
  }

  /** A device reads a version that it has a grant of, of a deleted prompt too. */
  reads(who: Who, version: KnownVersion): boolean {
    return this.isIn(who) && this.opens(who, version);
  }

  /**
   * A responder runs a version by the grant of the newest of its keys that has one and is sealed to now. Where there is
   * none, the vault makes one of a version that it manages, for a responder that the version names.
   */
  runs(who: Who, prompt: KnownPrompt, version: KnownVersion): boolean {
    if (prompt.isDeleted || !this.isIn(who)) return false;
    const kid = this.activeOf(who).find((one) => version.grants.has(one));
    if (kid !== undefined) return version.grants.get(kid)?.opens === true;
    return version.isWrapped && version.runsAt.includes(who) && this.isSigned(version);
  }

  /** The vault gave a responder an envelope: if it had no grant for it, it has one now. */
  ran(who: Who, { grants }: KnownVersion): void {
    if (!this.activeOf(who).some((kid) => grants.has(kid)))
      grants.set(this.newestOf(who), { by: 'vault', opens: true });
  }

  /** Names with live versions that were sealed are never managed. */
  mayFlip({ custody, isDeleted, versions }: KnownPrompt): boolean {
    return custody === 'managed' || isDeleted || versions.every(({ isWrapped }) => isWrapped);
  }

  flip(prompt: KnownPrompt): void {
    prompt.custody = prompt.custody === 'managed' ? 'sealed' : 'managed';
    if (prompt.custody === 'sealed') this.forget(prompt);
  }

  /** Readers keep what they have. */
  delete(prompt: KnownPrompt): void {
    prompt.isDeleted = true;
    this.forget(prompt);
  }

  /** The vault keeps no key of a prompt. */
  private forget({ versions }: KnownPrompt): void {
    for (const version of versions) version.isWrapped = false;
  }

  /** Whether who signed a version still counts. */
  private isSigned({ signer }: KnownVersion): boolean {
    return signer === 'vault' || this.isIn(signer);
  }

  mayPush(who: Who, { isDeleted }: KnownPrompt): boolean {
    return this.isIn(who) && AUTHORS.includes(who) && !isDeleted;
  }

  mayShare(by: Who, to: Who, prompt: KnownPrompt, version: KnownVersion): boolean {
    if (!this.isIn(by) || !this.isIn(to) || prompt.isDeleted || ONLOOKERS.includes(by)) return false;
    if (isSame(by, version.author)) return true;
    return AUTHORS.includes(by) && this.holds(by, version);
  }

  /** What one opens goes to further keys of one's own. */
  mayMove(by: Who, to: Who, prompt: KnownPrompt, version: KnownVersion): boolean {
    if (!this.isIn(by) || !this.isIn(to) || prompt.isDeleted || ONLOOKERS.includes(by)) return false;
    return this.holds(by, version) && isSame(by, to);
  }

  mayUnshare(by: Who, kid: string, { author, grants }: KnownVersion): boolean {
    if (!this.isIn(by) || ONLOOKERS.includes(by)) return false;
    // Gone already is as good.
    if (!grants.has(kid)) return true;
    return by === 'owner' || by === author || grants.get(kid)?.by === by || this.keysOf(by).includes(kid);
  }

  mayDelete(by: Who): boolean {
    return this.isIn(by) && AUTHORS.includes(by);
  }

  /**
   * Live versions that stop running at a responder when one of its keys ends. Those whose key the vault has do not: it makes
   * the grant for the newest, which promises here as much as any other.
   */
  lostWithout(who: Who, kid: string): KnownVersion[] {
    const [newest = ''] = this.activeOf(who).filter((one) => one !== kid);
    const live = this.prompts.filter(({ isDeleted }) => !isDeleted).flatMap(({ versions }) => versions);
    return live.filter(({ grants, isWrapped }) => !isWrapped && grants.has(kid) && !grants.has(newest));
  }
}

function isSame(one: Who, other: Who): boolean {
  return one === other || PEOPLE.some((devices) => devices.includes(one) && devices.includes(other));
}
