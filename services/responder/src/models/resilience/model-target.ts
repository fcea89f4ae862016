import type { ModelCapability } from '@bulla/contract';
import type { Model } from '../model.js';
import type { ModelPrice } from '../model-price.js';

/** One place where a name may be answered. */
export interface ModelTarget {
  readonly model: Model;
  /** What the registry calls the server, or the processor itself. */
  readonly upstream: string;
  /** Which model is asked for there; undefined: the only one that the server lists. */
  readonly asksFor?: string | undefined;
  /** How often it is asked first, beside the others of its name. 1 unless given. */
  readonly weight?: number | undefined;
  /** What it can do; unless given nobody has said, and the server decides. */
  readonly can?: ReadonlySet<ModelCapability> | undefined;
  readonly price?: ModelPrice | undefined;
}
