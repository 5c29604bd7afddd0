// What a training run says, line by line, whether it is drawn live or printed plainly.

import type { EvalResult, LayerLoad, TrainEvent } from '../../train/events.ts';
import { trainingWords } from '../glossary.ts';
import type { Colors } from '../terminal/colors.ts';
import { formatCount, plural } from '../terminal/format.ts';
import { writePrompt } from '../terminal/prompt.ts';
import { printable, wrapParts, wrapProse } from '../terminal/text.ts';
import { WordWrap } from '../terminal/word-wrap.ts';

type StartEvent = Extract<TrainEvent, { type: 'start' }>;
type MeasureEvent = Extract<TrainEvent, { type: 'measure' }>;
type SampleEvent = Extract<TrainEvent, { type: 'sample' }>;

function expertsPart({ model }: StartEvent): string {
  const shared = model.nSharedExperts > 0 ? ` + ${model.nSharedExperts} shared` : '';
  return `${model.nRoutedExperts} experts (top ${model.numExpertsPerTok}${shared})`;
}

/** Parts separated by commas, the second line and those after it indented. */
function listing(parts: readonly string[], width: number): string[] {
  const punctuated = parts.map((part, index) => (index < parts.length - 1 ? `${part},` : part));
  return wrapParts(punctuated, ' ', width - 2).map((line, index) => (index === 0 ? line : `  ${line}`));
}

/** The backend, and what the engine runs with. */
function backendParts({ backend, threads, engineVariant, device }: StartEvent): string[] {
  return [
    `backend ${backend}`,
    ...(threads === null ? [] : [plural(threads, 'thread')]),
    ...(engineVariant === null ? [] : [`variant ${engineVariant}`]),
    ...(device === null ? [] : [`on ${device}`]),
  ];
}

/** Names the model, the data and the run folder, and explains the words that the lines below use. */
export function headline(event: StartEvent, width: number): string[] {
  const { model, train } = event;
  const modelParts = [
    `Model: ${formatCount(event.parameters)} parameters`,
    `${formatCount(event.activeParameters)} active per token`,
    plural(model.numHiddenLayers, 'layer'),
    expertsPart(event),
    ...(model.numNextnPredictLayers > 0 ? [`MTP depth ${model.numNextnPredictLayers}`] : []),
    ...(train.precision === 'fp8' ? ['products in FP8 (emulated)'] : []),
    ...backendParts(event),
  ];
  const dataParts = [
    ...(event.trainTokens === 0
      ? ['Data: what the model itself writes']
      : [`Data: ${train.data}`, `${formatCount(event.trainTokens)} training tokens`]),
    `tokenizer ${train.tokenizer}`,
    `${train.batchSize} x ${train.seqLen} tokens a step`,
  ];
  return [
    ...listing(modelParts, width),
    ...listing(dataParts, width),
    ...wrapProse(`Run: ${event.runDir}`, width),
    ...wrapProse(trainingWords(model).join(' '), width).filter((line) => line !== ''),
    ...(event.startStep > 0 ? [`Resuming after step ${event.startStep} of ${train.steps}`] : []),
  ];
}

/** The layer whose busiest expert is furthest above the mean, if the model has MoE layers. */
export function mostImbalanced(load: readonly LayerLoad[]): LayerLoad | undefined {
  return load.reduce<LayerLoad | undefined>(
    (worst, layer) => (worst === undefined || layer.maxVio > worst.maxVio ? layer : worst),
    undefined,
  );
}

/** A result on held-out text in one line. */
export function evalLine(step: number, result: EvalResult): string {
  const mtp = result.mtpLoss.map((loss) => loss.toFixed(3)).join(', ');
  const parts = [
    `held-out loss ${result.loss.toFixed(3)}`,
    `${result.bitsPerByte.toFixed(3)} bits per byte`,
    ...(mtp === '' ? [] : [`MTP loss ${mtp}`]),
    `MaxVio ${result.maxVioGlobal.toFixed(2)}`,
  ];
  return `Step ${step}: ${parts.join(', ')}`;
}

/** What the method of a run measured, in one line. */
export function measureLine({ step, text }: MeasureEvent): string {
  return `${step === 0 ? 'Before training' : `Step ${step}`}: ${text}`;
}

/** A sample of text after its prompt, wrapped and marked on the left. */
export function sampleLines(event: SampleEvent, width: number, colors: Colors): string[] {
  const wrap = new WordWrap(() => width - 2, 'cut');
  const text = writePrompt(wrap, event.prompt, colors) + wrap.write(printable(event.text).trimEnd()) + wrap.flush();
  return [colors.bold(`Sample at step ${event.step}:`), ...text.split('\n').map((line) => `│ ${line}`)];
}
