import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A function on the map: where it is, built, and what it is called. */
export interface MappedFunction {
  /** Path of the source from the repository's root, such as `services/vault/src/prompts/versions.service.ts`. */
  readonly path: string;
  readonly name: string;
}

type Message = {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: unknown;
};
const INSPECTOR = /ws:\/\/127\.0\.0\.1:\d+\/\S+/;

export interface Trace {
  /** Every entry of a mapped function as `path name`, and the marks of the script, in order. */
  readonly entered: readonly string[];
  /** Mapped functions that the file of that path does not have. */
  readonly missing: readonly string[];
}

/**
 * Runs a script under the inspector and records when mapped functions are entered. Nothing in the code is changed for
 * it: a breakpoint whose condition writes the name down and is false.
 * @param script a plain ESM script that ends by itself. Once it has imported everything it calls `__entered('loaded')`
 *   and waits for `__ready` to be true: by then the breakpoints are set. Later calls of `__entered` are marks.
 */
export async function trace(
  script: string,
  args: readonly string[],
  functions: readonly MappedFunction[],
): Promise<Trace> {
  const child = spawn(process.execPath, ['--inspect-brk=127.0.0.1:0', script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const url = await inspectorUrl(child, (text) => {
    output += text;
  });
  const inspector = await Inspector.connect(url);
  const missing = await inspector.run(functions).finally(() => inspector.close());
  if (child.exitCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`the traced script ended with ${child.exitCode}:\n${output.slice(-4000)}`);
  return { entered: inspector.entered, missing };
}

function inspectorUrl(child: ChildProcess, onText: (text: string) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the script ended before it could be inspected')));
    child.stderr?.on('data', (data: Buffer) => {
      onText(data.toString());
      const url = INSPECTOR.exec(data.toString())?.[0];
      if (url !== undefined) resolve(url);
    });
  });
}

/** As much of the Chrome DevTools Protocol as it takes. */
class Inspector {
  readonly entered: string[] = [];
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #missing: string[] = [];
  #wanted: readonly MappedFunction[] = [];
  #next = 1;
  readonly #marks: Promise<void>[] = [];
  readonly #ended = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Message));
    socket.addEventListener('close', () => this.#ended.resolve());
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('cannot inspect the script')));
    });
    return new Inspector(socket);
  }

  /** Lets the script run to its end. Returns the functions that no file of that path has. */
  async run(wanted: readonly MappedFunction[]): Promise<string[]> {
    this.#wanted = wanted;
    await this.#send('Runtime.enable');
    await this.#send('Debugger.enable');
    await this.#send('Runtime.addBinding', { name: '__entered' });
    await this.#send('Runtime.runIfWaitingForDebugger');
    await this.#ended.promise;
    return this.#missing;
  }

  close(): void {
    this.#socket.close();
  }

  #send(method: string, params: object = {}): Promise<Message> {
    const id = this.#next++;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
    });
  }

  #take(message: Message): void {
    if (message.id !== undefined) return this.#answers.get(message.id)?.(message);
    const params = message.params ?? {};
    if (message.method === 'Runtime.bindingCalled') {
      const name = String(params['payload']);
      if (name === 'loaded') void this.#begin();
      else this.entered.push(name);
    } else if (message.method === 'Debugger.scriptParsed')
      this.#marks.push(this.#mark(String(params['scriptId']), String(params['url'])));
    // The script waits at its first line, and again wherever it says so.
    else if (message.method === 'Debugger.paused') void this.#send('Debugger.resume');
    else if (message.method === 'Runtime.executionContextDestroyed') this.#socket.close();
    return undefined;
  }

  async #begin(): Promise<void> {
    await Promise.all(this.#marks);
    await this.#send('Runtime.evaluate', { expression: 'globalThis.__ready = true' });
  }

  async #mark(scriptId: string, url: string): Promise<void> {
    if (!url.startsWith('file:')) return;
    const built = fileURLToPath(url);
    const here = this.#wanted.filter(({ path }) =>
      built.endsWith(path.replace('/src/', '/dist/').replace(/\.ts$/, '.js')),
    );
    if (here.length === 0) return;
    const { result } = await this.#send('Debugger.getScriptSource', { scriptId });
    const lines = String(result?.['scriptSource']).split('\n');
    for (const { path, name } of here) {
      const lineNumber = lines.findIndex((line) => declaresFunction(line, name));
      const label = `${path} ${name}`;
      if (lineNumber === -1) {
        this.#missing.push(label);
        continue;
      }
      const start = { scriptId, lineNumber: lineNumber, columnNumber: (lines[lineNumber] ?? '').lastIndexOf('{') + 1 };
      const { result: possible } = await this.#send('Debugger.getPossibleBreakpoints', {
        start,
        restrictToFunction: false,
      });
      const location = (possible?.['locations'] as object[] | undefined)?.[0];
      await this.#send('Debugger.setBreakpoint', {
        location,
        condition: `(__entered(${JSON.stringify(label)}), false)`,
      });
    }
  }
}

/** Whether a line of built code begins the function: a declaration, a method or a generator of that name. */
function declaresFunction(line: string, name: string): boolean {
  const escaped = name.replaceAll(/[$#]/g, String.raw`\$&`);
  return new RegExp(String.raw`^\s*(?:export )?(?:static )?(?:async )?(?:function\*? )?\*?${escaped}\(.*\{\s*$`).test(
    line,
  );
}
