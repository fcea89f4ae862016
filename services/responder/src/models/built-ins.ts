import { EchoModel } from './echo.model.js';
import { ExtractModel } from './extract.model.js';
import type { Model } from './model.js';

/** What answers without a model server, by the name that settings and files call it. */
export const BUILT_INS: ReadonlyMap<string, () => Model> = new Map<string, () => Model>([
  ['builtin:extract', () => new ExtractModel()],
  ['builtin:echo', () => new EchoModel()],
]);
