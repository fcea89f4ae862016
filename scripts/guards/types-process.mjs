// Type-checks what stands in the place of guards, beside the tests that run meanwhile.
import { typeErrorsOf } from './types.mjs';

process.on('message', (guards) => process.send([...typeErrorsOf(guards)], () => process.disconnect()));
