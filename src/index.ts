/**
 * TinySeek: DeepSeek-V3 in miniature, trained for real. The public API; nothing is defined here.
 *
 * @module
 */

import './node.ts';

export { countParameters, type ParameterCounts } from './config/counts.ts';
export { fromHuggingFaceConfig, toHuggingFaceConfig } from './config/huggingface.ts';
export type { ConfigSource } from './config/issues.ts';
export type { ModelConfig, RopeScaling } from './config/model-config.ts';
export { bufferShapes, type NamedShape, parameterShapes } from './config/parameter-shapes.ts';
export {
  modelPreset,
  type PresetName,
  presetNames,
  trainPreset,
  type Vocabulary,
  withVocabulary,
} from './config/presets.ts';
export { type RunConfig, type RunConfigRequest, resolveRunConfig } from './config/resolve.ts';
export type { Balancing, TrainConfig } from './config/train-config.ts';
export { validateModelConfig, validateTrainConfig } from './config/validate.ts';
export { brotliBitsPerByte } from './data/brotli.ts';
export { type CorpusDescription, listCorpora } from './data/corpora/built-in.ts';
export { createDataset, type DatasetOptions } from './data/dataset.ts';
export { type DomainStatistics, datasetStatistics } from './data/statistics.ts';
export { createTokenizer } from './data/tokenizers/create-tokenizer.ts';
export { tokenizerFromHuggingFace } from './data/tokenizers/hugging-face-tokenizer.ts';
export type { Batch, Dataset, Tokenizer } from './data/types.ts';
export { UserError } from './errors.ts';
export type {
  Arm,
  Changes,
  Expectation,
  Hypothesis,
  Measurements,
  Metric,
  Scatter,
  Series,
  Study,
  TrainedArm,
  VariantOptions,
} from './experiments/study.ts';
export { createGenerator, type GeneratorOptions } from './generate/batch-generator.ts';
export { createDecoder } from './generate/create-decoder.ts';
export type { Decoder, DecoderOptions, DraftToken, SequenceTokens } from './generate/decoder.ts';
export {
  generateSamples,
  type SampleSet,
  type TextListener,
  type TextSample,
} from './generate/generate-samples.ts';
export type {
  GeneratedToken,
  GenerationEnd,
  GenerationEvent,
  GenerationRequest,
  GenerationStatistics,
  Generator,
  TokenLogprob,
} from './generate/generator.ts';
export { type LoadedModel, loadModel, loadModelFrom } from './generate/load-model.ts';
export { type SampleOptions, sampleText } from './generate/sample.ts';
export { defaultSampling, type SamplingOptions } from './generate/sampling.ts';
export { scoreTokens } from './generate/score.ts';
export { type ExportOptions, exportModel, type ModelFolder } from './interchange/export-model.ts';
export { importModel } from './interchange/import-model.ts';
export { checkLoader } from './interchange/loader-check.ts';
export { type LoaderName, loaderNames } from './interchange/loader-names.ts';
export type { Finding } from './interchange/loader-rule.ts';
export type { FloatFormat } from './io/float-formats.ts';
export type {
  Checkpoint,
  CheckpointContents,
  LatestCheckpoint,
  ModelContents,
  StoredCheckpoint,
} from './io/checkpoint.ts';
export type { JsonObject } from './io/json.ts';
export type { StoredTensor, TensorReader, TensorShape, TensorSource } from './io/tensor-source.ts';
export { DeepseekV3ForCausalLM, type ForwardOptions, type ForwardOutput } from './model/causal-lm.ts';
export type { Attention, AttentionContext } from './mla/attention.ts';
export type { MtpStage, MtpStageOutput } from './model/mtp-stage.ts';
export type { HeadInput, OutputHead } from './model/output-head.ts';
export type { ModelParts } from './model/parts.ts';
export type { ModelStages } from './model/stages.ts';
export type { TokenEmbedding } from './model/token-embedding.ts';
export type { Attend, BlockOutput, TransformerBlock } from './model/transformer-block.ts';
export { type BalanceLossOptions, balanceLoss } from './moe/balance-loss.ts';
export { type ExpertBiasUpdate, updateExpertBias } from './moe/expert-bias.ts';
export { type LoadStatistics, loadStatistics } from './moe/load.ts';
export type { RoutingRecord } from './moe/moe.ts';
export { embeddingsAtDepth, labelsAtDepth, labelsWithinDocument } from './mtp/alignment.ts';
export type { AttentionVisibility } from './ops/mla-attention.ts';
export type { Products } from './ops/products.ts';
export type { RotaryTables } from './ops/rotary.ts';
export { type RouterConfig, type Routing, routeTokens } from './ops/router.ts';
export { loadRun } from './report/load-run.ts';
export { renderReport } from './report/lazy.ts';
export type { RunData, Sample } from './report/run-data.ts';
export { type BackendName, backendNames } from './backends/backend-names.ts';
export { activateBackend, type BackendOptions, type BackendStatus, probeBackends } from './backends/backends.ts';
export { type VariantName, variantNames } from './engine/variant-names.ts';
export type { DirectoryHandle, FileHandle, LockManager, WritableFile } from './runs/directory-handle.ts';
export { type MemoryStore, memoryStore } from './runs/memory-store.ts';
export type { ModelStore } from './runs/model-store.ts';
export { opfsStore } from './runs/opfs-store.ts';
export type { LogLine, RunLog, RunStore } from './runs/run-store.ts';
export type { ActiveBackend, BackendId } from './tensor/active-backend.ts';
export { type ValueAndGrads, valueAndGrads } from './tensor/gradients.ts';
export type { NamedTensor } from './tensor/named-tensor.ts';
export type { ParameterStore } from './tensor/parameters.ts';
export { type OutputGradients, type Pullback, type PullbackGradients, pullback } from './tensor/pullback.ts';
export { tf } from './tensor/tf.ts';
export { AdamW, type AdamWSettings, type Moments } from './train/adamw.ts';
export { clipScale, globalNorm } from './train/clip.ts';
export { type EvaluateOptions, evaluate } from './train/evaluate.ts';
export type { ConductOptions } from './train/conduct.ts';
export type { ContinueOptions } from './train/continue-run.ts';
export type { EvalResult, LayerLoad, MetricsLine, TrainEvent, TrainResult } from './train/events.ts';
export type { NewLength } from './train/go-on-longer.ts';
export type { GivenText } from './train/host.ts';
export type { LearnerParts, Objective } from './train/learner.ts';
export {
  computeLoss,
  forwardPass,
  type Labels,
  type LossInput,
  type LossTerms,
  type LossWeights,
  labelLoss,
  labelsOf,
  lossTerms,
} from './train/loss.ts';
export { lossInput } from './train/micro-batch.ts';
export type { OwnData } from './train/own-data.ts';
export { PauseController } from './train/pause.ts';
export type { PlanChange } from './train/plan-changes.ts';
export type { InitialModel, RunSettings, SettingsOverrides } from './train/run-settings.ts';
export type { RunWatcher } from './train/run-watcher.ts';
export { saveModel } from './train/save-model.ts';
export type { FromModel, FromScratch, StartCommon, StartOptions } from './train/start-run.ts';
export {
  type ResumeOptions,
  type RunPlace,
  resumeEvents,
  resumeRun,
  type TrainOptions,
  train,
  trainEvents,
} from './train/trainer.ts';
