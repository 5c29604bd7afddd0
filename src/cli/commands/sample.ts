// `tinyseek sample`: answers of a checkpoint to the problems of a task, of which the right ones become data for SFT.

import { UserError } from '../../errors.ts';
import type { SamplingSummary } from '../../post-training/distil/sample-answers.ts';
import { backendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { checkpointArgument, jsonOption } from '../common-options.ts';
import type { OptionsOf } from '../declared-types.ts';
import { invocation, shellWord } from '../invocation.ts';
import { wholeNumber } from '../run-options.ts';
import { parseNumber } from '../sampling-options.ts';
import { describeSampling, followSampling } from '../sampled-answers.ts';

const sampleOptions = [
  { flags: '--task <spec>', help: 'what the problems are: a task and its options, or a file of problems' },
  { flags: '--problems <n>', help: 'problems, none of which are those that eval measures on (default: 1000)' },
  { flags: '--samples <n>', help: 'answers to each problem (default: 4)' },
  {
    flags: '--keep <rule>',
    choices: ['shortest', 'right'],
    help: 'shortest: the shortest right answer to each problem; right: all right answers (default: shortest)',
  },
  { flags: '--system <text>', help: 'a system prompt before each problem; it is not kept' },
  { flags: '--temperature <x>', help: 'of the answers (default: 1)' },
  {
    flags: '--max-new-tokens <n>',
    help: 'tokens of an answer at most (default: half as many again as a solution has)',
  },
  { flags: '--seed <n>', help: 'same seed, same problems and answers (default: 0)' },
  { flags: '--out <file>', help: 'JSON Lines to be written, which sft --data reads' },
  ...backendOptions(),
  jsonOption,
] as const;

type SampleFlags = OptionsOf<typeof sampleOptions>;

export const sampleCommand = defineCommand({
  name: 'sample',
  summary: 'keep the right answers of a checkpoint (rejection sampling)',
  description: `Lets a checkpoint answer problems, several times each, and writes those answers that the verifier of the task calls
right as conversations to learn from: rejection sampling.`,
  arguments: [checkpointArgument],
  options: sampleOptions,
  examples: [
    ['sample runs/expert --task chain --out answers.jsonl', 'the shortest right answer of four'],
    ['sft --data answers.jsonl --task chain --samples 0', 'a student that learns from them'],
  ],
  run: async (checkpoint, options) => {
    const { task: spec, out } = options;
    if (spec === undefined) throw new UserError('sample: expected a task; give --task, such as --task chain');
    if (out === undefined) throw new UserError('sample: where are the answers to go? Give --out answers.jsonl');
    const { loadTask } = await import('../../evaluate/load-task.ts');
    const { trainingProblems } = await import('../../evaluate/split.ts');
    const { promptEncoder } = await import('../evaluate-tasks.ts');
    const { openModel } = await import('../open-model.ts');
    const rejection = await import('../../post-training/distil/sample-answers.ts');
    const { writeAnswers } = await import('../../post-training/distil/answers-file.ts');
    const task = await loadTask(spec);
    const { count, seed, ...settings } = settingsOf(options);
    const problems = trainingProblems(task, count, seed);
    const opened = await openModel(checkpoint, options);
    const prompt = await promptEncoder(opened, options.system);
    const watch = { prompt, seed, ...followSampling() };
    const groups = await rejection.sampleAnswers(opened.model, opened.tokenizer, task, {
      problems,
      ...settings,
      ...watch,
    });
    if (groups === null) throw new Error('internal: sampling without a signal was ended by one');
    const kept = rejection.keepAnswers(groups, options.keep === 'right' ? 'right' : 'shortest');
    if (kept.length === 0) {
      throw new UserError(
        `sample: none of ${groups.flat().length} answers is right, and ${out} was not written; take a model that ` +
          'solves some problems (tinyseek eval says how many), more --samples, or --system as it was taught',
      );
    }
    writeAnswers(out, kept);
    const found = rejection.summarizeSampling(groups, kept);
    return { json: { file: out, task: task.name, ...found }, lines: lines(out, task.name, found) };
  },
});

function settingsOf({ problems, samples, temperature, maxNewTokens, seed }: SampleFlags) {
  return {
    count: problems === undefined ? 1000 : wholeNumber('--problems', problems),
    seed: seed === undefined ? 0 : parseNumber('--seed', seed),
    ...(samples === undefined ? {} : { samples: wholeNumber('--samples', samples) }),
    ...(temperature === undefined ? {} : { temperature: parseNumber('--temperature', temperature) }),
    ...(maxNewTokens === undefined ? {} : { maxNewTokens: wholeNumber('--max-new-tokens', maxNewTokens) }),
  };
}

function lines(out: string, task: string, found: SamplingSummary): string[] {
  return [
    ...describeSampling(found),
    `Written: ${out}`,
    '',
    'What to do next:',
    `  ${invocation()} sft --data ${shellWord(out)} --task ${shellWord(task)} --samples 0 --template plain`,
  ];
}
