import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import '../../src/node.ts';
import { activateBackend } from '../../src/backends/backends.ts';
import { createCharsTokenizer } from '../../src/data/tokenizers/chars.ts';
import { namedTask } from '../../src/evaluate/tasks/index.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { saveModel } from '../../src/train/save-model.ts';
import { smallConfig } from '../model/small-model.ts';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-grpo-'));
const model = join(folder, 'model');
const small = ['--task', 'chain:operations=2', '--prompts', '2', '--group', '3', '--max-new-tokens', '5'];

beforeAll(async () => {
  await activateBackend('engine', { threads: 1 });
  const tokenizer = await createCharsTokenizer([namedTask('chain').alphabet!]);
  const { vocabSize, bosTokenId, eosTokenId } = tokenizer;
  const config = { ...smallConfig, vocabSize, bosTokenId, eosTokenId };
  const fresh = new DeepseekV3ForCausalLM(config, 0);
  await saveModel(fresh, tokenizer, model);
  fresh.dispose();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('tinyseek grpo', () => {
  it("trains with a reward of one's own, and prints the result of train with the task before and after", async () => {
    const reward = join(folder, 'reward.js');
    writeFileSync(reward, 'export default (problem, completion) => completion.length;\n');
    const out = join(folder, 'run');
    const args = [model, ...small, '--steps', '2', '--reward', reward, '--out', out, '--threads', '1', '--json'];
    const { code, stdout, stderr } = await runCli(['grpo', ...args]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('reward ')]);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ run: out, steps: 2, checkpoint: expect.stringContaining('step-00000002') });
    for (const side of [result.before, result.after]) {
      for (const key of ['passAt1', 'passAtK', 'interval', 'meanLength', 'ended']) expect(side).toHaveProperty(key);
    }
    const lines = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trim().split('\n');
    expect(lines.filter((line) => line.includes('grpo/reward'))).toHaveLength(2);
    expect(existsSync(join(out, 'report.html'))).toBe(true);
    const again = await runCli(['grpo', '--resume', out, '--threads', '1', '--json']);
    expect([again.code, JSON.parse(again.stdout).steps]).toEqual([0, 2]);
  });

  it.each<[args: string[], message: string]>([
    [[], 'expected a checkpoint to start from, or --resume DIR'],
    [[model], 'expected a task; give --task'],
    [[model, '--task', 'chian'], 'did you mean chain?'],
    [[model, ...small, '--reward', 'corect'], 'did you mean correct?'],
    [[model, ...small, '--reward', 'missing.ts'], 'there is no such file'],
    [[model, ...small, '--beta', 'much'], '--beta: expected a number, found "much"'],
    [[model, ...small, '--set', 'batchSize=4'], 'it follows from --prompts and --group'],
    [[model, ...small, '--set', 'hiddenSize=4'], 'the checkpoint decides the shape'],
    [['--resume', model], 'run'],
  ])('says what is wrong: %j', async (args, message) => {
    const { code, stderr } = await runCli(['grpo', ...args]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});
