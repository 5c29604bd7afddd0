// What an arm of the study `long-context` does: it takes the model that all arms of its seed share, extends it, tunes
// it
// in two stages, and measures what it finds at every length.

import { join } from 'node:path';
import type { ModelConfig } from '../../config/model-config.ts';
import { needleDepths } from '../../evaluate/tasks/recall.ts';
import { loadModel } from '../../generate/load-model-folder.ts';
import { extendContext } from '../../long-context/extend-context.ts';
import { chooseCheckpoint } from '../../io/read-checkpoint.ts';
import { measureNeedle, measureRecall, type RecallShares } from '../../long-context/measure-recall.ts';
import { recallDataset } from '../../long-context/recall-dataset.ts';
import { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { ArmWork, ProcedureResult } from '../procedure.ts';
import { trainStage } from '../stage.ts';
import { needleLengths, recallLengths } from '../studies/long-context.ts';

/** Trains the model that all arms start from. */
export async function trainBase(work: ArmWork): Promise<ProcedureResult> {
  const { model, train } = work;
  const dataset = recallDataset(train);
  await trainStage(work, { name: 'base', from: 0, to: 1 }, { model, train, dataset });
  return { measured: {} };
}

type Context = Pick<ModelConfig, 'maxPositionEmbeddings' | 'ropeScaling'>;

/** The positions of the arm; without an extension, the same positions simply go on. */
function contextOf({ model, settings }: ArmWork): Context {
  const { type, factor } = settings;
  if (type === 'yarn' || type === 'linear') return extendContext(model, { type, factor: Number(factor) });
  return { ropeScaling: null, maxPositionEmbeddings: model.maxPositionEmbeddings * Number(factor) };
}

/** Tunes the shared model stage by stage; returns the checkpoint of the last one, or that of the shared model. */
async function tune(work: ArmWork): Promise<string> {
  const { train, settings, sharedDir } = work;
  const stages = [
    { name: 'stage-1', seqLen: Number(settings.firstLength), share: Number(settings.firstShare) },
    { name: 'stage-2', seqLen: Number(settings.secondLength), share: Number(settings.secondShare) },
  ]
    .map((stage) => ({ ...stage, steps: Math.round(stage.share * Number(settings.stageSteps)) }))
    .filter(({ steps }) => steps > 0);
  let checkpoint = chooseCheckpoint(join(sharedDir, 'base')).path;
  for (const [i, { name, seqLen, steps }] of stages.entries()) {
    const { tokenizer: _, ...others } = train;
    const part = { name, from: (0.5 * i) / stages.length, to: (0.5 * (i + 1)) / stages.length };
    const result = await trainStage(work, part, {
      init: checkpoint,
      context: contextOf(work),
      dataset: recallDataset({ seqLen, alternateSeqLen: train.seqLen, seed: train.seed }),
      train: {
        ...others,
        ...{ seqLen, steps, batchSize: Math.max(1, Math.round((train.batchSize * train.seqLen * 2) / seqLen)) },
        ...{ learningRate: Number(settings.learningRate), lrSchedule: 'constant', weightDecay: 0 },
        warmupFraction: Math.min(1, 10 / steps),
      },
    });
    checkpoint = result.checkpoint;
  }
  return checkpoint;
}

/** The model to be measured; belongs to the caller. */
async function openModel(work: ArmWork): Promise<DeepseekV3ForCausalLM> {
  const { model } = loadModel(await tune(work));
  const extended = new DeepseekV3ForCausalLM({ ...model.config, ...contextOf(work) }, 0);
  extended.importTensors(await model.exportTensors());
  model.dispose();
  return extended;
}

/** Extends, tunes and measures. */
export async function extendAndMeasure(work: ArmWork): Promise<ProcedureResult> {
  const model = await openModel(work);
  try {
    return { measured: await measure(model, work) };
  } finally {
    model.dispose();
  }
}

/** `needle/LENGTH`, `needle/LENGTH/DEPTH`, and `once`, `latest` and `local` by length: shares of right answers. */
async function measure(model: DeepseekV3ForCausalLM, work: ArmWork): Promise<Record<string, number>> {
  const rows = Number(work.settings.rows);
  const measured: Record<string, number> = {};
  const total = needleLengths.reduce((sum, length) => sum + length, 0);
  let done = 0;
  for (const length of needleLengths) {
    work.progress(0.5 + (0.5 * done) / total, `measuring at ${length}`);
    const options = { length, rows, seed: work.seed, beforePass: () => work.signal.throwIfAborted() };
    let sum = 0;
    for (const depth of needleDepths) {
      const share = await measureNeedle(model, depth, options);
      measured[`needle/${length}/${depth}`] = share;
      sum += share;
    }
    measured[`needle/${length}`] = sum / needleDepths.length;
    if (recallLengths.includes(length)) Object.assign(measured, byLength(await measureRecall(model, options), length));
    done += length;
  }
  return measured;
}

function byLength(shares: RecallShares, length: number): Record<string, number> {
  return Object.fromEntries(Object.entries(shares).map(([kind, share]) => [`${kind}/${length}`, share]));
}
