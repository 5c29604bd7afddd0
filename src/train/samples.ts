// Text written by the model before, midway through and after training: what a loss of 3.2 looks like.

import type { TrainConfig } from '../config/train-config.ts';
import type { Dataset } from '../data/types.ts';
import { sampleText } from '../generate/sample.ts';
import { deriveSeed } from '../tensor/random.ts';
import type { Run } from './run.ts';

const promptCharacters = 40;

/** The beginning of the held-out text of the first domain, up to a word's end: text the model was not trained on. */
export function samplePrompt(dataset: Pick<Dataset, 'heldOutText'>): string {
  const start = Array.from(
    dataset
      .heldOutText(0)
      .trimStart()
      .slice(0, 4 * promptCharacters),
  );
  const cut = start.slice(0, promptCharacters).join('');
  const end = cut.search(/\s\S*$/);
  return end > promptCharacters / 2 ? cut.slice(0, end) : cut;
}

/** Whether samples are taken at this step: 0, half-way and the last. */
export function isSampleStep(
  { steps, sampleTokens }: Pick<TrainConfig, 'steps' | 'sampleTokens'>,
  step: number,
): boolean {
  return sampleTokens > 0 && [0, Math.floor(steps / 2), steps].includes(step);
}

/** Whether a sample is due now. */
export function isSampleDue({ settings, state }: Pick<Run, 'settings' | 'state'>): boolean {
  return state.sampledStep < state.step && isSampleStep(settings.train, state.step);
}

/** Writes a sample; the same seed and weights give the same text. */
export async function takeSample(run: Run): Promise<void> {
  await run.stepper.gather();
  const { step } = run.state;
  const { seed } = run.settings.train;
  const { prompt, text } =
    run.method === null
      ? await continueHeldOut(run, deriveSeed(seed, 'sample', step))
      : await run.method.example(run.learner);
  run.log.sample({ step, prompt, text });
  run.state = { ...run.state, sampledStep: step };
  await run.emit({ type: 'sample', step, prompt, text });
}

async function continueHeldOut(run: Run, seed: number): Promise<{ readonly prompt: string; readonly text: string }> {
  const prompt = samplePrompt(run.dataset);
  const sampling = { maxNewTokens: run.settings.train.sampleTokens, temperature: 0.8, topK: 40, seed };
  const text = await sampleText(run.learner.model, run.dataset.tokenizer, { prompt, ...sampling });
  return { prompt, text };
}
