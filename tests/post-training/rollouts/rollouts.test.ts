// Where the answers of rollouts end: at an end token, at the task's stop text, or after its number of tokens.

import { beforeAll, describe, expect, it } from 'vitest';
import '../../../src/node.ts';
import { activateBackend } from '../../../src/backends/backends.ts';
import { createRandom } from '../../../src/data/random.ts';
import { createCharsTokenizer } from '../../../src/data/tokenizers/chars.ts';
import { documentPrompt } from '../../../src/evaluate/evaluate-task.ts';
import { DeepseekV3ForCausalLM } from '../../../src/model/causal-lm.ts';
import { type Rollout, type RolloutOptions, rollOut } from '../../../src/post-training/rollouts/rollouts.ts';
import { smallConfig } from '../../model/small-model.ts';

const tokenizer = await createCharsTokenizer('abcd:');
const { vocabSize, bosTokenId, eosTokenId } = tokenizer;
const problems = ['ab:', 'c:'].map((prompt) => ({ prompt, answer: '' }));

/** Many answers of a model that knows nothing, so all letters are about equally likely. */
async function answersOf(task: RolloutOptions['task']): Promise<readonly Rollout[]> {
  const model = new DeepseekV3ForCausalLM(
    { ...smallConfig, vocabSize, bosTokenId, eosTokenId, initializerRange: 0.02 },
    1,
  );
  const options = { task, group: 20, maxNewTokens: 17, temperature: 1, random: createRandom('rollouts') };
  const groups = await rollOut(model, tokenizer, problems, documentPrompt(tokenizer), options);
  model.dispose();
  return groups.flat();
}

describe('rollOut', () => {
  beforeAll(async () => void (await activateBackend('engine', { threads: 1 })));

  it.each(['b', 'da'])(
    'ends an answer with the token that completes the stop text %j, which is not in its text',
    async (stop) => {
      const [free, stopped] = [await answersOf({}), await answersOf({ stop })];
      let ends = 0;
      for (const [i, { ids, logps, completion, ended, tokens }] of stopped.entries()) {
        const whole = free[i]!;
        const at = whole.completion.indexOf(stop);
        expect(ids).toEqual(whole.ids.slice(0, ids.length)); // the stop text changes where an answer ends, and no draw
        expect([logps.length, tokens]).toEqual([ids.length, ids.length]);
        expect(completion).toBe(at < 0 ? whole.completion : whole.completion.slice(0, at));
        expect(ended).toBe(at >= 0 || whole.ended);
        if (at < 0) continue;
        ends++;
        expect(tokenizer.decode(ids)).toBe(completion + stop);
      }
      expect(ends).toBeGreaterThan(1);
    },
  );

  it('takes an answer as whole after the tokens that the task gives it', async () => {
    const [free, short] = [await answersOf({}), await answersOf({ answerTokens: 3 })];
    for (const [i, { ids, ended, maxTokens }] of short.entries()) {
      expect(ids).toEqual(free[i]!.ids.slice(0, 3));
      expect([ended, maxTokens]).toEqual([true, 17]);
    }
    expect(free.some(({ ids }) => ids.length > 3)).toBe(true);
  });
});
