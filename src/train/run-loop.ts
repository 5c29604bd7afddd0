// The loop of a run, from wherever its state says it stands to its planned end or an interrupt.
//
// Per step: the optimizer step, then what is due at it: evaluation, sample, checkpoint. The checkpoint comes last, so
// that it records what has been done. An interrupt skips what is due, and the resumed run does that first. Where nothing
// is due in between, the next step may be under way already (`steps-ahead.ts`).

import { UserError } from '../errors.ts';
import { saveCheckpoint } from './checkpointing.ts';
import { evaluate } from './evaluate.ts';
import type { TrainResult } from './events.ts';
import { changeLength } from './go-on-longer.ts';
import { planOf } from './live-settings.ts';
import type { Measurement, MethodOutcome } from './method.ts';
import { evalMetrics, mean, stepMetrics } from './metrics.ts';
import { isInterrupted, positionOf, type Run } from './run.ts';
import { isSampleDue, isSampleStep, takeSample } from './samples.ts';
import type { StepPlan } from './schedules.ts';
import { observeLoss, spikeThreshold } from './spike.ts';
import type { StepOutcome } from './step-report.ts';
import { stepsAhead } from './steps-ahead.ts';

/**
 * Trains to the planned end, or until interrupted; either way the last thing written is a checkpoint.
 *
 * @throws UserError that says where the last good checkpoint is, if a step fails or something cannot be written.
 */
export async function runToEnd(run: Run): Promise<TrainResult> {
  try {
    return await takeSteps(run);
  } catch (error) {
    if (error instanceof UserError) await keepLastStep(run);
    throw withCheckpoint(error, run);
  }
}

async function takeSteps(run: Run): Promise<TrainResult> {
  await doWhatIsDue(run);
  await run.rest();
  const steps = stepsAhead(run, (step) => isDueAfter(run, step));
  try {
    while (steps.isAhead() || (run.state.step < run.settings.train.steps && !isInterrupted(run))) {
      const { plan, outcome, seconds } = await steps.next();
      await advance(run, plan, outcome, seconds);
      if (await run.method?.isDone?.(run.learner, run.state.step)) await makeLast(run);
      await doWhatIsDue(run);
      if (isCheckpointDue(run, run.state.step)) await saveCheckpoint(run);
      await run.rest();
    }
  } finally {
    await steps.settle();
  }
  const path = run.saved?.state === run.state ? run.saved.path : await saveCheckpoint(run);
  const result = summarize(run, path);
  await run.emit({ type: 'end', result });
  return result;
}

/** Saves what a method has learned so far where a step of it failed before it changed anything. */
async function keepLastStep(run: Run): Promise<void> {
  const { learner, method, state, saved } = run;
  const isUnchanged = learner.optimizer.steps === (state.updates ?? 0);
  if (method === null || state.step === 0 || saved?.state === state || !isUnchanged) return;
  await saveCheckpoint(run).catch(() => {}); // the error of the step says more than that of a full disk
}

/** Makes the step that was just done the last of the run, as if it had been planned so. */
async function makeLast(run: Run): Promise<void> {
  const { step } = run.state;
  const planned = run.settings.train.steps;
  if (step === planned) return;
  const { settings } = changeLength(run.settings, { steps: step, keepSchedule: true }, step);
  run.settings = settings;
  run.plan = planOf(settings);
  run.state = { ...run.state, train: { ...settings.train } };
  await run.store.writeSettings(settings);
  const message = `The goal is reached: the run ends at step ${step} instead of ${planned}.`;
  await run.emit({ type: 'note', message });
}

/** Adds to an error where the last good state is. */
function withCheckpoint(error: unknown, run: Run): unknown {
  if (!(error instanceof UserError)) return error;
  const place = run.saved ? `the last good checkpoint is ${run.saved.path}` : 'no checkpoint had been written yet';
  return new UserError(`${error.message}; ${place}`, { cause: error });
}

async function advance(
  run: Run,
  plan: StepPlan,
  outcome: StepOutcome & Partial<MethodOutcome>,
  stepSeconds: number,
): Promise<void> {
  const { state, settings } = run;
  const { steps, seqLen } = settings.train;
  const threshold = spikeThreshold(state.spike);
  const samples = state.samples + plan.batchSize;
  run.state = {
    ...state,
    step: state.step + 1,
    samples,
    tokens: samples * seqLen,
    stepSeconds: state.stepSeconds + stepSeconds,
    spike: observeLoss(state.spike, outcome.main),
    recentLosses: [...state.recentLosses, outcome.main].slice(-Math.ceil(steps / 10)),
    // A method may make several updates in a step, or none.
    ...(run.method === null ? {} : { updates: run.learner.optimizer.steps }),
  };
  const tokensPerSecond = (plan.batchSize * seqLen) / stepSeconds;
  const { highlights } = outcome;
  const metrics = { ...stepMetrics(positionOf(run), plan, outcome, tokensPerSecond), ...outcome.metrics };
  run.log.metrics(metrics);
  const { step, tokens } = run.state;
  const secondsLeft = (run.state.stepSeconds / tokens) * (tokens / plan.progress - tokens);
  await run.emit({
    type: 'step',
    step,
    steps,
    loss: outcome.main,
    tokensPerSecond,
    secondsLeft,
    load: outcome.load,
    metrics,
    ...(highlights === undefined ? {} : { highlights }),
  });
  for (const message of outcome.warnings ?? []) await run.emit({ type: 'warning', message });
  // The loss of a method need not fall or be smooth.
  if (run.method?.step === undefined && outcome.main > threshold) {
    const message = `loss spike at step ${step}: ${outcome.main.toFixed(3)}, recently ${state.spike.mean.toFixed(3)}`;
    await run.emit({ type: 'warning', message });
  }
}

async function doWhatIsDue(run: Run): Promise<void> {
  if (isEvaluationDue(run) && !isInterrupted(run)) await evaluateRun(run);
  if (isSampleDue(run) && !isInterrupted(run)) await takeSample(run);
}

const isMultiple = (step: number, of: number) => step > 0 && of > 0 && step % of === 0;

function isEvaluationDue(run: Run): boolean {
  const { state, method } = run;
  const isFirst = state.step === 0 && method?.measure !== undefined;
  return (isFirst || isEvaluationStep(run, state.step)) && state.evaluatedStep < state.step;
}

const isEvaluationStep = ({ settings: { train } }: Run, step: number) =>
  step === train.steps || isMultiple(step, train.evalEvery);

const isCheckpointDue = ({ settings: { train } }: Run, step: number) => isMultiple(step, train.checkpointEvery);

/** Whether the weights after a step are looked at before the next one. */
function isDueAfter(run: Run, step: number): boolean {
  return isEvaluationStep(run, step) || isCheckpointDue(run, step) || isSampleStep(run.settings.train, step);
}

/** What is due at an evaluation: the loss on held-out text, and what the method measures. */
async function evaluateRun(run: Run): Promise<void> {
  const { step } = run.state;
  if (run.method?.step === undefined && !(await evaluateText(run))) return; // interrupted
  if (run.method?.measure !== undefined) await measureRun(run, await run.method.measure(run.learner));
  run.state = { ...run.state, evaluatedStep: step };
}

/**
 * Evaluates the weights, and their average if one is kept: on all held-out text at the end, on `evalTokens` before
 * that. False if it was interrupted.
 */
async function evaluateText(run: Run): Promise<boolean> {
  await run.stepper.gather();
  const { model, average } = run.learner;
  const { steps, batchSize, documentMask, evalTokens } = run.settings.train;
  const { step } = run.state;
  const limit = step === steps ? {} : { maxTokensPerDomain: evalTokens };
  const options = { batchSize, documentMask, signal: run.signal, ...limit };
  const result = await evaluate(model, run.dataset, options);
  const averaged = average ? await average.evaluateWith(() => evaluate(model, run.dataset, options)) : null;
  if (result === null || (average !== null && averaged === null)) return false;
  const { loss, bitsPerByte } = result;
  run.log.metrics(evalMetrics(positionOf(run), result, averaged?.loss ?? null));
  run.state = { ...run.state, evaluation: { loss, bitsPerByte } };
  await run.emit({ type: 'eval', step, result });
  return true;
}

async function measureRun(run: Run, { result, metrics, text }: Measurement): Promise<void> {
  const { step, measured } = run.state;
  run.log.metrics({ ...positionOf(run), ...metrics });
  run.state = { ...run.state, measured: { before: measured?.before ?? result, after: result } };
  await run.emit({ type: 'measure', step, text });
}

function summarize(run: Run, checkpoint: string): TrainResult {
  const { state, settings, store } = run;
  const isDone = state.step === settings.train.steps && !isEvaluationDue(run) && !isSampleDue(run);
  return {
    run: store.path,
    steps: state.step,
    finalLoss: mean(state.recentLosses),
    evalLoss: state.evaluation?.loss ?? Number.NaN,
    bitsPerByte: state.evaluation?.bitsPerByte ?? Number.NaN,
    tokensPerSecond: state.tokens / state.stepSeconds,
    seconds: run.clock.seconds(),
    checkpoint,
    ...(state.measured === undefined ? {} : { measured: state.measured }),
    finished: isDone,
  };
}
