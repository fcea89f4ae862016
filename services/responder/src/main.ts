import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Half of a start is compiling. What Node keeps of it stands beside the program, where only those can write who could
// change the program itself; a folder that cannot be written to is let be.
enableCompileCache(join(import.meta.dirname, '../.compile-cache'));
const { serve } = await import('./serve.js');
await serve(process.env, process);
