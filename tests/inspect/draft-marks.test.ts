import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { createGenerator } from '../../src/generate/batch/batch-generator.ts';
import type { GeneratedToken, GenerationEnd } from '../../src/generate/batch/generator.ts';
import { defaultSampling } from '../../src/generate/sampling/sampling.ts';
import { draftMarks } from '../../src/inspect/draft-marks.ts';
import { requestOf } from '../generate/collect.ts';
import { FakeDecoder } from '../generate/fake-decoder.ts';

const tokenizer = await createTokenizer('bytes', () => []);
const withoutEnd = { ...tokenizer, eosTokenId: null, endTokenIds: [] };

/** A text from a decoder whose drafts are right as often as `draftNoise` lets them be. */
async function write(drafts: number, temperature: number, draftNoise: number) {
  const decoder = new FakeDecoder({ vocabSize: tokenizer.vocabSize, draftNoise });
  const generator = createGenerator(decoder, withoutEnd, { drafts });
  const tokens: GeneratedToken[] = [];
  let end: GenerationEnd | null = null;
  const sampling = { ...defaultSampling, temperature, topK: 5, seed: 3 };
  for await (const event of generator.submit(requestOf([5, 7, 11], { maxNewTokens: 60, sampling }))) {
    if (event.type === 'token') tokens.push(event);
    else if (event.type === 'end') end = event;
  }
  return { tokens, statistics: end!.statistics };
}

describe('draftMarks', () => {
  it('are all plain where nothing drafts', async () => {
    const { tokens } = await write(0, 0, 0);
    const marks = draftMarks(tokens);
    expect(marks.tokens.every(({ mark, draft }) => mark === 'plain' && draft === null)).toBe(true);
    expect(marks).toMatchObject({ kept: 0, refused: 0, passesSaved: 0 });
  });

  it.each([
    [1, 0, 1],
    [1, 1, 1],
    [3, 0, 1],
    [3, 1, 1],
    [2, 0, 0],
  ])('agree with the statistics: %i drafts, temperature %i, noise %i', async (drafts, temperature, noise) => {
    const { tokens, statistics } = await write(drafts, temperature, noise);
    const { kept, refused, passesSaved, tokens: marked } = draftMarks(tokens);
    expect(marked.map(({ id }) => id)).toEqual(tokens.map(({ id }) => id));
    expect(passesSaved).toBe(statistics.newTokens - statistics.forwardPasses);
    expect(kept).toBe(statistics.accepted);
    // Each pass ends with a token of the main model: in place of a refused draft, or after the last one.
    expect(kept + refused).toBeLessThanOrEqual(statistics.drafted);
    if (drafts === 1) expect(kept + refused).toBe(statistics.drafted);
    if (noise === 0) expect(refused).toBe(0);
    else expect(Math.min(kept, refused)).toBeGreaterThan(0);
    for (const { mark, id, draft } of marked) {
      expect(mark === 'refused').toBe(draft !== null && draft !== id);
    }
  });
});
