// What an arm of the study `distil` does: a student learns from answers of one kind or from a mixture, or from what an
// expert that was rewarded for being right and short has answered. Then it is asked, without being told how to answer.

import { join } from 'node:path';
import { namedTask } from '../../evaluate/tasks/index.ts';
import { someHeldOut } from '../../evaluate/split.ts';
import { chooseCheckpoint } from '../../io/read-checkpoint.ts';
import { loadModel } from '../../generate/load-model-folder.ts';
import { distil } from '../../post-training/distil/distil.ts';
import { sampleAnswers } from '../../post-training/distil/sample-answers.ts';
import { defaultDistilSettings, expertSolutions, marks } from '../../post-training/distil/settings.ts';
import { resumeSft, sft } from '../../post-training/sft/sft.ts';
import { taughtPrompt } from '../../post-training/sft/taught-prompt.ts';
import { pointsOf } from '../../report/charts/points.ts';
import { loadRun } from '../../report/load-run.ts';
import type { TrainEvent } from '../../train/events.ts';
import type { ArmWork, ProcedureResult, StudyCurve } from '../procedure.ts';
import type { Measurements } from '../study.ts';
import { oneThread, runStage } from '../stage.ts';
import { taskOfStudy } from '../studies/distil.ts';

const task = namedTask(taskOfStudy);
const place = { backend: 'auto', backendOptions: oneThread } as const;
const quiet = { evalEvery: 0, checkpointEvery: 0, sampleTokens: 0 } as const;

/** The mark of an answer that checks itself. */
const reflection = '?';
const asked = { problems: 256, samples: 4 } as const;

/** Teaches a student, and asks it. */
export function teachStudent(work: ArmWork): Promise<ProcedureResult> {
  return work.settings.expert === true ? learnFromExpert(work) : learnFromSolutions(work);
}

async function learnFromSolutions(work: ArmWork): Promise<ProcedureResult> {
  const { seed, steps, learningRate } = work.train;
  const solutions = String(work.settings.solutions);
  const { checkpoint } = await runStage(
    work,
    { name: 'student', from: 0, to: 0.95 },
    {
      start: (runDir, watcher) =>
        sft({
          ...{
            ...place,
            ...watcher,
            task,
            solutions,
            runDir,
            model: work.model,
            samples: Number(work.settings.samples),
          },
          train: { ...quiet, seed, steps, learningRate },
        }),
      resume: (runDir, watcher) => resumeSft({ ...watcher, runDir, backendOptions: oneThread }),
    },
  );
  return { measured: await ask(work, checkpoint) };
}

/** What the stages are of the work of the arm, by the time that they take. */
const shares = { 'expert-sft': [0, 0.35], 'expert-rl': [0.35, 0.5], student: [0.6, 0.95] } as const;

/** The whole way from expert to student. */
async function learnFromExpert(work: ArmWork): Promise<ProcedureResult> {
  const dir = join(work.dir, 'pipeline');
  const { seed, steps, learningRate } = work.train;
  const { rlSteps, problems } = work.settings;
  const settings = {
    ...defaultDistilSettings,
    ...{ task: task.name, init: null, solutions: expertSolutions(task), learningRate, seed },
    ...{ sftSteps: steps, rlSteps: Number(rlSteps), problems: Number(problems), studentSteps: steps },
  };
  const result = await distil({
    ...{ ...place, task, settings, model: work.model, dir, train: quiet, signal: work.signal },
    conduct: (name, start) => start({ signal: work.signal, onEvent: (event) => report(work, name, event) }),
    onSampling: (done, of) => work.progress(0.5 + (0.1 * done) / of, `answers to ${done}/${of} problems`),
  });
  work.signal.throwIfAborted();
  const before = await ask(work, chooseCheckpoint(join(dir, 'expert-sft')).path, marks.untold);
  const expert = await ask(work, chooseCheckpoint(join(dir, 'expert-rl')).path, marks.untold);
  return {
    measured: {
      ...(await ask(work, chooseCheckpoint(join(dir, 'student')).path)),
      taughtPassAt1: before.passAt1!,
      taughtReflects: before.reflects!,
      expertPassAt1: expert.passAt1!,
      expertReflects: expert.reflects!,
      expertLength: expert.length!,
      keptLength: result.sampling!.keptLength,
      solved: result.sampling!.solved,
    },
    curves: curvesOf(join(dir, 'expert-rl')),
  };
}

function report(work: ArmWork, name: keyof typeof shares, event: TrainEvent): void {
  if (event.type === 'warning') work.warn(event.message);
  if (event.type !== 'step') return;
  const [from, to] = shares[name];
  const { step, steps, loss } = event;
  work.progress(from + ((to - from) * step) / steps, `${name} ${step}/${steps} loss ${loss.toFixed(3)}`);
}

/** Answers to held-out problems at temperature 1: how many are right, how long they are, how many check themselves. */
async function ask(work: ArmWork, checkpoint: string, system?: string): Promise<Measurements> {
  const { model, tokenizer } = loadModel(checkpoint);
  try {
    const groups = await sampleAnswers(model, tokenizer, task, {
      problems: someHeldOut(task, asked.problems),
      samples: asked.samples,
      seed: work.seed,
      prompt: taughtPrompt(tokenizer, system),
      signal: work.signal,
    });
    work.signal.throwIfAborted();
    const answers = groups!.flat();
    const mean = (value: (answer: (typeof answers)[number]) => number) =>
      answers.reduce((sum, answer) => sum + value(answer), 0) / answers.length;
    return {
      passAt1: mean(({ isRight }) => Number(isRight)),
      length: mean(({ tokens }) => tokens),
      reflects: mean(({ completion }) => Number(completion.includes(reflection))),
    };
  } finally {
    model.dispose();
  }
}

function curvesOf(runDir: string): Record<string, StudyCurve> {
  const { metrics } = loadRun(runDir);
  return { length: pointsOf(metrics, 'grpo/length').map(({ x, y }): [number, number] => [x, y]) };
}
