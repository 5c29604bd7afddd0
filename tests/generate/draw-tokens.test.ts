// The engine's kernel that draws tokens, beside `drawTokens` in JavaScript: the same tokens and probabilities, to the
// last bit.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createRandom } from '../../src/data/random.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import { EngineBlocks, floatsAt } from '../../src/generate/passes/engine-blocks.ts';
import { EngineDraws } from '../../src/generate/passes/engine-draws.ts';
import type { DrawnTokens, Draws } from '../../src/generate/passes/passes.ts';
import { drawTokens } from '../../src/generate/sampling/draw-tokens.ts';
import { normalArray } from '../../src/tensor/random.ts';

function byEngine(logits: Float32Array, vocabSize: number, draws: Draws, temperature: number): DrawnTokens {
  const engine = runningEngine()!;
  const blocks = new EngineBlocks(engine);
  const kernel = new EngineDraws(engine, vocabSize);
  const address = blocks.take(logits.length);
  floatsAt(engine, address, logits.length).set(logits);
  const drawn = kernel.draw(address, draws, temperature);
  kernel.free();
  blocks.free();
  return drawn;
}

/** So many draws of each row, also at the ends of the range of quantiles. */
function drawsOf(rows: number, each: number): Draws {
  const { next } = createRandom('draws', rows);
  const quantiles = Array.from({ length: rows * each }, (_, i) => [0, 1 - 2 ** -32][i % each] ?? next());
  return {
    rows: Int32Array.from({ length: rows * each }, (_, i) => Math.floor(i / each)),
    quantiles: Float64Array.from(quantiles),
  };
}

const bitsOf = ({ ids, probabilities }: DrawnTokens) => [[...ids], [...new BigInt64Array(probabilities.buffer)]];

describe('drawTokens on the engine', () => {
  beforeAll(async () => void (await activateBackend('engine', { threads: 2 })));

  it.each([
    ['one token', 1, 1, 1],
    ['a vocabulary that is no multiple of a vector', 37, 11, 2],
    ['bytes', 257, 23, 5],
    ['more weights than a thread holds at a time', 20_011, 3, 4],
    ['logits so far apart that most weights are 0', 263, 7, 300],
  ])('property: the bits of JavaScript at every temperature (%s)', (_name, vocabSize, rows, spread) => {
    const logits = normalArray(rows * vocabSize, spread, vocabSize);
    const draws = drawsOf(rows, 13);
    for (const temperature of [0, 0.3, 0.7, 1, 1.5]) {
      const expected = drawTokens(logits, vocabSize, draws, temperature);
      expect(bitsOf(byEngine(logits, vocabSize, draws, temperature))).toEqual(bitsOf(expected));
    }
  });

  it('property: the same bits for 1 to 3 threads', async () => {
    const logits = normalArray(31 * 257, 3, 1);
    const results: unknown[] = [];
    for (const threads of [1, 2, 3]) {
      await activateBackend('engine', { threads });
      results.push(bitsOf(byEngine(logits, 257, drawsOf(31, 9), 1)));
    }
    await activateBackend('engine', { threads: 2 });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it('takes the first of equal logits, and logits of minus infinity never', () => {
    const never = Number.NEGATIVE_INFINITY;
    const logits = Float32Array.from([never, 2, never, 2, 1, never]);
    const draws = drawsOf(1, 200);
    for (const temperature of [0, 1]) {
      const drawn = byEngine(logits, 6, draws, temperature);
      expect(bitsOf(drawn)).toEqual(bitsOf(drawTokens(logits, 6, draws, temperature)));
      expect(new Set(drawn.ids)).toEqual(new Set(temperature === 0 ? [1] : [1, 3, 4]));
    }
  });

  it.each([
    ['NaN', [1, Number.NaN, 2]],
    ['infinity', [1, Number.POSITIVE_INFINITY, 2]],
    ['nothing but minus infinity', [1, 2, 3].map(() => Number.NEGATIVE_INFINITY)],
  ])('gives NaN as the probability where JavaScript throws: %s', (_name, row) => {
    const logits = Float32Array.from([5, 6, 7, ...row]);
    for (const temperature of [0, 1]) {
      const { probabilities } = byEngine(logits, 3, drawsOf(2, 2), temperature);
      expect([...probabilities].map(Number.isNaN)).toEqual([false, false, true, true]);
      expect(() => drawTokens(logits, 3, drawsOf(2, 2), temperature)).toThrow('logits that are not numbers');
    }
  });
});
