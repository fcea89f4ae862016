import { stripTypeScriptTypes } from 'node:module';
import * as client from '../src/index.js';
import * as node from '../src/node/index.js';

const modules: Readonly<Record<string, object>> = { '@bulla/client': client, '@bulla/client/node': node };

/** The `ts` blocks of a page, in their order. */
export function examplesOf(page: string): string[] {
  return [...page.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code = '']) => code);
}

/** Runs the code of a page with what it imports, and with what is given, such as a console and a process of its own. */
export async function runExample(code: string, given: Readonly<Record<string, unknown>>): Promise<void> {
  const imported: Record<string, unknown> = {};
  const body = stripTypeScriptTypes(code).replaceAll(
    /^import \{ ([^}]+) \} from '([^']+)';$/gm,
    (_line, names: string, from: string) => {
      for (const name of names.split(', ')) {
        imported[name] = Reflect.get(modules[from] ?? {}, name);
        if (imported[name] === undefined) throw new Error(`${from} has no ${name}`);
      }
      return '';
    },
  );
  const all = { ...imported, ...given };
  const AsyncFunction = (async () => undefined).constructor as new (
    ...parts: string[]
  ) => (...values: unknown[]) => Promise<void>;
  await new AsyncFunction(...Object.keys(all), body)(...Object.values(all));
}
