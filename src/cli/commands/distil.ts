// `tinyseek distil`: from an expert to its student, stage by stage, in one folder.

import { UserError } from '../../errors.ts';
import type { Task } from '../../evaluate/task.ts';
import type { DistilResult, DistilRun, DistilWatcher } from '../../post-training/distil/distil.ts';
import { defaultDistilSettings, type DistilSettings } from '../../post-training/distil/settings.ts';
import type { TrainResult } from '../../train/events.ts';
import { backendOptions, parseBackendFlags } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import type { OptionsOf } from '../declared-types.ts';
import { exitInterrupted, onInterrupt } from '../interrupt.ts';
import { invocation, shellWord } from '../invocation.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { wholeNumber } from '../run-options.ts';
import { parseNumber } from '../sampling-options.ts';
import { labelled } from '../progress/closing.ts';
import { formatDuration } from '../terminal/format.ts';
import { type Line, print } from '../terminal/print.ts';
import { formatHeadedTable } from '../terminal/table.ts';
import { describeSampling, followSampling } from '../sampled-answers.ts';

const { sftSteps, rlSteps, problems, samples, studentSteps } = defaultDistilSettings;

const distilOptions = [
  { flags: '--task <spec>', help: 'what is to be learned: a task with solutions, such as chain:starShare=0.12' },
  {
    flags: '--solutions <list>',
    help: 'kinds of samples that the expert learns first, as for sft (default: long ones after "!", short ones after ";")',
  },
  { flags: '--template <name>', help: 'plain, transcript or deepseek (default: that of the model, or plain)' },
  { flags: '--sft-steps <n>', help: `steps of the expert's SFT (default: ${sftSteps})` },
  { flags: '--rl-steps <n>', help: `steps of its reinforcement learning (default: ${rlSteps})` },
  { flags: '--problems <n>', help: `problems that it answers for the student (default: ${problems})` },
  { flags: '--samples <n>', help: `answers to each, of which the shortest right one is kept (default: ${samples})` },
  { flags: '--student-steps <n>', help: `steps of the student's SFT (default: ${studentSteps})` },
  { flags: '--sft-lr <rate>', help: 'learning rate of both runs of SFT (default: 5e-4; from scratch 5e-3)' },
  { flags: '--seed <n>', help: 'seed of weights, problems and answers (default: 0)' },
  { flags: '--out <dir>', help: 'folder of all stages; the same command goes on in it (default: runs/distil-<task>)' },
  ...backendOptions('auto'),
  jsonOption,
] as const;

type DistilFlags = OptionsOf<typeof distilOptions>;

const titles: Readonly<Record<DistilRun, string>> = {
  'expert-sft': '1 of 4: the expert learns both kinds of answers',
  'expert-rl': '2 of 4: it is rewarded for right and short answers',
  student: '4 of 4: a student learns from the answers that were kept',
};

export const distilCommand = defineCommand({
  name: 'distil',
  summary: 'from an expert by SFT and RL to a student',
  description: `An expert learns two kinds of answers (SFT), is rewarded for right and short ones (GRPO), and answers problems; a student
learns from the shortest right answers. Without a checkpoint both are miniatures from scratch. The same command goes on
where it stopped.`,
  arguments: [{ syntax: '[checkpoint]', help: 'what expert and student start from: a run or a checkpoint' }],
  options: distilOptions,
  examples: [
    ['distil --task chain:starShare=0.12', 'miniatures from scratch'],
    ['distil runs/base --task words --out runs/words', 'from a model that was trained on text'],
  ],
  run: async (checkpoint, options) => {
    const { distil } = await import('../../post-training/distil/distil.ts');
    const { loadTask } = await import('../../evaluate/load-task.ts');
    if (options.task === undefined) throw new UserError('distil: expected a task; give --task, such as --task chain');
    const task = await loadTask(options.task);
    const settings = await settingsOf(checkpoint, task, options);
    const dir = options.out ?? `runs/distil-${task.name.replaceAll(/[:/\\]/g, '-')}`;
    const { signal, stop } = interruptible();
    try {
      const watch = { signal, conduct, onSampling: followAnswers() };
      return output(await distil({ task, settings, dir, ...parseBackendFlags(options), ...watch }), task.name);
    } finally {
      stop();
    }
  },
});

async function settingsOf(init: string | undefined, task: Task, flags: DistilFlags): Promise<DistilSettings> {
  const { expertSolutions } = await import('../../post-training/distil/settings.ts');
  const counts = ['sftSteps', 'rlSteps', 'problems', 'samples', 'studentSteps'] as const;
  const given = counts.flatMap((key) => {
    const text = flags[key];
    const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return text === undefined ? [] : [[key, wholeNumber(flag, text)] as const];
  });
  return {
    ...defaultDistilSettings,
    ...Object.fromEntries(given),
    task: task.name,
    init: init ?? null,
    template: flags.template ?? null,
    solutions: flags.solutions ?? expertSolutions(task),
    ...(flags.sftLr === undefined ? {} : { learningRate: parseNumber('--sft-lr', flags.sftLr) }),
    ...(flags.seed === undefined ? {} : { seed: parseNumber('--seed', flags.seed) }),
  };
}

/** A signal that Ctrl-C gives; a run in progress notices Ctrl-C by itself. */
function interruptible(): { readonly signal: AbortSignal; readonly stop: () => void } {
  const abort = new AbortController();
  const second = () => process.exit(exitInterrupted);
  return { signal: abort.signal, stop: onInterrupt(process, { first: () => abort.abort(), second }) };
}

const announce = (title: string) => print(process.stderr, ['', `Stage ${title}`]);

/** Carries out a run with its progress; what came of it is told at the end of all. */
async function conduct(name: DistilRun, start: Parameters<Conduct>[1]): Promise<TrainResult> {
  announce(titles[name]);
  const { followRun } = await import('../progress/follow-run.ts');
  const done: { result?: TrainResult } = {};
  await followRun(async (watcher) => (done.result = await start(watcher)), {
    lines: () => [],
    interrupted: () => [],
    json: () => ({}),
  });
  return done.result!;
}

type Conduct = NonNullable<DistilWatcher['conduct']>;

/** Announces the sampling when it begins, and shows how far it is. */
function followAnswers(): (done: number, of: number) => void {
  const { onProgress } = followSampling();
  let isAnnounced = false;
  return (done, of) => {
    if (!isAnnounced) announce('3 of 4: it answers problems');
    isAnnounced = true;
    onProgress(done, of);
  };
}

function output(result: DistilResult, task: string): CommandOutput {
  const { dir, runs, sampling = null, answers = null, finished } = result;
  const stage = (name: DistilRun) => {
    const { finished: _, measured, ...others } = runs[name] ?? {};
    return runs[name] === undefined ? null : { ...others, ...measured };
  };
  const stages = { expertSft: stage('expert-sft'), expertRl: stage('expert-rl'), sampling, student: stage('student') };
  const json = { run: dir, task, answers, stages };
  return finished
    ? { json, lines: lines(result, task) }
    : { json, lines: ['', `Stopped; nothing is lost. The same command goes on in ${dir}.`], exitCode: exitInterrupted };
}

const names: Readonly<Record<DistilRun, string>> = {
  'expert-sft': 'expert, SFT',
  'expert-rl': 'expert, RL',
  student: 'student',
};

/** The task before and after each stage, and where everything lies. */
function lines({ dir, runs, sampling, answers }: DistilResult, task: string): Line[] {
  const rows = (Object.keys(names) as DistilRun[]).flatMap((name) => {
    const { before, after } = runs[name]?.measured ?? {};
    if (before === undefined || after === undefined) return [];
    const percent = (value: unknown) => `${(100 * Number(value)).toFixed(1)} %`;
    const change = (key: string, show: (value: unknown) => string) => `${show(before[key])} -> ${show(after[key])}`;
    const length = (value: unknown) => Number(value).toFixed(1);
    return [
      [names[name], change('passAt1', percent), change('meanLength', length), formatDuration(runs[name]!.seconds)],
    ];
  });
  const run = `${dir}/student`;
  return [
    '',
    'Done. Asked without a word on how to answer:',
    '',
    ...formatHeadedTable([['stage', 'pass@1', 'tokens an answer', 'time'], ...rows], outputWidth(), [1, 2, 3]),
    '',
    ...(sampling === undefined ? [] : describeSampling(sampling)),
    '',
    ...labelled([...(answers === undefined ? [] : [['Answers', answers] as const]), ['Student', run]], outputWidth()),
    '',
    'What to do next:',
    ...labelled([['measure it', `${invocation()} eval ${shellWord(run)} --tasks ${shellWord(task)}`]], outputWidth()),
  ];
}
