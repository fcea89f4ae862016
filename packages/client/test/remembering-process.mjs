// A process of its own that remembers labels in the trust file of a folder: node remembering-process.mjs FOLDER ORG PIN NAME COUNT
// Node strips the types of the sources itself; their imports name the files that a build would make.
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

registerHooks({
  resolve(specifier, context, next) {
    const isSource = specifier.startsWith('.') && specifier.endsWith('.js');
    const source = isSource ? new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL) : undefined;
    return next(source !== undefined && existsSync(fileURLToPath(source)) ? source.href : specifier, context);
  },
});
const { Home } = await import('../src/node/home/home.ts');
const { FileTrustStore } = await import('../src/node/trust-store.ts');
const { rememberedOf, tupleOf, withHead } = await import('../src/labels/label-memory.ts');
const { seenOf } = await import('../src/trust/trust-store.ts');
const { shown } = await import('./shown.ts');

const [folder, org, pin, own, count] = process.argv.slice(2);
const store = new FileTrustStore(new Home(folder));
for (let seq = 1; seq <= Number(count); seq++) {
  for (const name of ['shared', `${own}-${seq}`]) {
    const position = shown({ name, seq });
    await store.update(org, pin, (state) => {
      const now = rememberedOf(seenOf(state, name), 'latest')?.seq ?? 0;
      return now >= seq ? state : withHead(state, position, [tupleOf(position)]);
    });
  }
}
