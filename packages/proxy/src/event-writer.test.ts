import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { EventWriter } from './event-writer.js';

/** A response whose app reads when the test says so. */
class Reader extends EventEmitter {
  readonly written: string[] = [];
  writableNeedDrain = false;
  destroyed = false;
  reads = true;
  isEnded = false;

  write(text: string): boolean {
    this.written.push(text);
    this.writableNeedDrain = !this.reads;
    return this.reads;
  }

  end(): void {
    this.isEnded = true;
  }

  read(): void {
    this.writableNeedDrain = false;
    this.emit('drain');
  }
}

let reader: Reader;
let writer: EventWriter;
beforeEach(() => {
  reader = new Reader();
  writer = new EventWriter(reader);
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const LATER = performance.now() + 1e9;

describe('events on their way to an app', () => {
  it('leave in one write where they came in one turn', async () => {
    expect([writer.add('a'), writer.add('b')]).toEqual([undefined, undefined]);
    await turn();
    void writer.add('c');
    await turn();
    expect(reader.written).toEqual(['ab', 'c']);
  });

  it('are waited for while the app does not read', async () => {
    reader.reads = false;
    const wait = writer.add('x'.repeat(70_000));
    expect(wait).toBeInstanceOf(Promise);
    reader.read();
    await expect(wait).resolves.toBeUndefined();
    const gone = writer.add('x'.repeat(70_000));
    reader.emit('close');
    await expect(gone).resolves.toBeUndefined();
    expect(reader.listenerCount('drain')).toBe(0);
  });

  it('are followed by a sign of life where nothing came for a while', async () => {
    writer.ping(performance.now(), 10_000);
    expect(reader.written).toEqual([]);
    void writer.add('a');
    writer.ping(LATER, 10_000);
    await turn();
    expect(reader.written).toEqual(['a']);
    writer.ping(LATER, 10_000);
    expect(reader.written).toEqual(['a', ': ping\n\n']);
  });

  it('are followed by none where the app does not read: they would pile up [guard: proxy-ping-read]', () => {
    reader.reads = false;
    void writer.add('x'.repeat(70_000));
    writer.ping(LATER, 10_000);
    writer.ping(LATER, 10_000);
    expect(reader.written).toHaveLength(1);
    reader.read();
    reader.reads = true;
    writer.ping(LATER, 10_000);
    expect(reader.written).toHaveLength(2);
  });

  it('all leave before the end, and none for an app that left', () => {
    void writer.add('a');
    writer.end();
    expect([reader.written, reader.isEnded]).toEqual([['a'], true]);
    reader.destroyed = true;
    void writer.add('b');
    writer.end();
    expect(reader.written).toEqual(['a']);
  });
});
