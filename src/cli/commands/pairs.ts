// `tinyseek pairs`: what a judge learns from, made of a model's own answers.

import { writeFileSync } from 'node:fs';
import { UserError } from '../../errors.ts';
import type { JudgeStyle } from '../../post-training/rewards/judge/judge-text.ts';
import { backendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import { wholeNumber } from '../run-options.ts';
import { parseNumber } from '../sampling-options.ts';

const usual = { problems: 2000, samples: 4, heldOut: 256 };

export const pairsCommand = defineCommand({
  name: 'pairs',
  summary: "preference pairs of a model's own answers, to train a judge on",
  description: `Lets a model answer problems and writes, for each with a right and a wrong answer, two conversations: a judge is shown
the answer and says whether it is right. sft trains the judge on them, and grpo --reward judge:RUN learns from it.`,
  arguments: [{ syntax: '<checkpoint>', help: 'the model whose answers are judged: checkpoint folder or run folder' }],
  options: [
    { flags: '--task <spec>', help: 'what the problems are, such as chain:operations=5', isRequired: true },
    { flags: '--out <file>', help: 'JSON Lines file to train on (default: pairs.jsonl)' },
    { flags: '--held-out <file>', help: 'also write held-out pairs, as a task for eval: is the verdict right?' },
    {
      flags: '--style <name>',
      choices: ['thinks', 'at-once'],
      help: 'whether the judge writes a solution before its verdict (default: thinks)',
    },
    { flags: '--problems <n>', help: `problems that are tried (default: ${usual.problems})` },
    { flags: '--samples <n>', help: `answers to each (default: ${usual.samples})` },
    { flags: '--system <text>', help: 'a system prompt before each problem' },
    { flags: '--seed <n>', help: 'seed of the problems and the answers (default: 0)' },
    ...backendOptions(),
    jsonOption,
  ],
  examples: [
    ['pairs runs/policy --task chain --held-out held-out.jsonl', 'pairs to train on, and some to measure a judge with'],
    ['sft runs/solver --data pairs.jsonl:6 --set learningRate=3e-3 --verdict-weight 8', 'the judge itself'],
    ['grpo runs/policy --task chain --reward judge:runs/judge', 'learn from it'],
  ],
  run: async (checkpoint, options) => {
    const style: JudgeStyle = options.style ?? 'thinks';
    const count = (flag: string, text: string | undefined, or: number) =>
      text === undefined ? or : wholeNumber(flag, text);
    const problems = count('--problems', options.problems, usual.problems);
    const samples = count('--samples', options.samples, usual.samples);
    if (samples < 2) throw new UserError(`--samples: a pair needs at least 2 answers to a problem, found ${samples}`);
    const seed = options.seed === undefined ? 0 : parseNumber('--seed', options.seed);
    const { loadTask } = await import('../../evaluate/load-task.ts');
    const { openModel } = await import('../open-model.ts');
    const { promptEncoder } = await import('../evaluate-tasks.ts');
    const { longestAnswer } = await import('../../post-training/longest-answer.ts');
    const { judgeConversations, judgeTaskLines, preferencePairs } = await import(
      '../../post-training/rewards/judge/pairs.ts'
    );
    const task = await loadTask(options.task);
    const opened = await openModel(checkpoint, options);
    const { model, tokenizer } = opened;
    const encode = await promptEncoder(opened, options.system);
    const maxNewTokens = longestAnswer(task, tokenizer);
    const common = { task, encode, samples, maxNewTokens, seed };
    const pairs = await preferencePairs(model, tokenizer, { ...common, problems });
    const out = options.out ?? 'pairs.jsonl';
    const lines = judgeConversations(pairs, task, style).map(({ turns }) => ({ messages: turns }));
    writeLines(out, lines);
    const files = [`${pairs.length} pairs of ${problems} problems: ${out}`];
    const { heldOut } = options;
    if (heldOut !== undefined) {
      const held = await preferencePairs(model, tokenizer, { ...common, problems: usual.heldOut, heldOut: true });
      writeLines(heldOut, judgeTaskLines(held, task));
      files.push(`${held.length} held-out pairs: ${heldOut}`);
    }
    return { json: { pairs: pairs.length, problems, out, heldOut: heldOut ?? null }, lines: files };
  },
});

function writeLines(file: string, lines: readonly object[]): void {
  try {
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  } catch (cause) {
    throw new UserError(`pairs: cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
