import { describe, expect, it } from 'vitest';
import { defaultsLines, parseMaxNewTokens, parseSampling } from '../../src/cli/sampling-options.ts';
import { UserError } from '../../src/errors.ts';
import { noDefaults, readGenerationDefaults } from '../../src/generate/generation-defaults.ts';
import { defaultSampling } from '../../src/generate/sampling/sampling.ts';

const drawn = readGenerationDefaults({ do_sample: true, temperature: 0.6, top_p: 0.95, max_new_tokens: 9 });
const greedy = readGenerationDefaults({ do_sample: false });

describe('sampling options', () => {
  it('are the defaults of the commands where the folder of the model says nothing', () => {
    expect(parseSampling({}, noDefaults)).toEqual(defaultSampling);
    expect([parseMaxNewTokens({}), defaultsLines(noDefaults)]).toEqual([128, []]);
  });

  it("are the folder's unless an option is given, which changes that one alone", () => {
    const wanted = { temperature: 0.6, topK: 50, topP: 0.95, minP: 0, repetitionPenalty: 1, seed: 0 };
    expect(parseSampling({}, drawn)).toEqual(wanted);
    expect(parseSampling({ topK: '7', seed: '3' }, drawn)).toEqual({ ...wanted, topK: 7, seed: 3 });
    expect(parseSampling({ temperature: '0' }, drawn)).toEqual({ ...wanted, temperature: 0 });
    expect([parseMaxNewTokens({}, drawn), parseMaxNewTokens({ maxNewTokens: '4' }, drawn)]).toEqual([9, 4]);
    expect(defaultsLines(drawn)).toEqual([
      'generation_config.json of the model: temperature 0.6, top-k 50, top-p 0.95, at most 9 tokens; options change that',
    ]);
  });

  it('say when the folder leaves them without effect', () => {
    expect(() => parseSampling({ topK: '7' }, greedy)).toThrow(UserError);
    expect(() => parseSampling({ topK: '7' }, greedy)).toThrow(
      '--top-k has no effect: generation_config.json of the model takes the most likely token every time; ' +
        'give --temperature too',
    );
    expect(parseSampling({ topK: '7', temperature: '0.5' }, greedy)).toMatchObject({ topK: 7, temperature: 0.5 });
    expect(() => parseSampling({ topK: '7', temperature: '0' }, drawn)).toThrow('no effect with --temperature 0');
  });
});
