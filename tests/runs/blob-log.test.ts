import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/io/utf8.ts';
import { openBlobLog } from '../../src/runs/blob-log.ts';
import type { Blobs } from '../../src/runs/blobs.ts';
import { memoryBlobs } from '../../src/runs/memory-store.ts';

const linesOf = (bytes: Uint8Array | undefined) =>
  new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).step as number);

/** Blobs that remember what each call brought. */
function watchedBlobs() {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const blobs = memoryBlobs(files);
  const calls: (readonly [call: string, steps: readonly number[]])[] = [];
  const watched: Blobs = {
    ...blobs,
    write: async (path, bytes) => {
      calls.push(['write', linesOf(bytes)]);
      await blobs.write(path, bytes);
    },
    append: async (path, bytes) => {
      calls.push(['append', linesOf(bytes)]);
      await blobs.append(path, bytes);
    },
  };
  return { files, watched, calls };
}

describe('a log of blobs', () => {
  it('hands every line over once, so that a long run does not grow with its log', async () => {
    const { files, watched, calls } = watchedBlobs();
    const log = await openBlobLog(watched, -1);
    for (let step = 1; step <= 6; step++) {
      log.metrics({ step });
      if (step % 2 === 0) await log.flush();
    }
    await log.close();
    expect(calls).toEqual([
      ['append', [1, 2]],
      ['append', [3, 4]],
      ['append', [5, 6]],
    ]);
    expect(linesOf(files.get('metrics.jsonl'))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('drops later lines and one that was cut, and goes on after the others', async () => {
    const { files, watched } = watchedBlobs();
    files.set('metrics.jsonl', encodeUtf8('{"step":1}\n{"step":2}\n{"step":3}\n{"st'));
    const log = await openBlobLog(watched, 2);
    log.metrics({ step: 3 });
    await log.close();
    expect(linesOf(files.get('metrics.jsonl'))).toEqual([1, 2, 3]);
  });

  it('keeps lines that could not be written, for the next time', async () => {
    const { files, watched } = watchedBlobs();
    let isFull = true;
    const append: Blobs['append'] = async (path, bytes) => {
      if (isFull) throw new Error('full');
      await watched.append(path, bytes);
    };
    const log = await openBlobLog({ ...watched, append }, -1);
    log.metrics({ step: 1 });
    await expect(log.flush()).rejects.toThrow('full');
    isFull = false;
    log.metrics({ step: 2 });
    await log.close();
    expect(linesOf(files.get('metrics.jsonl'))).toEqual([1, 2]);
  });
});
