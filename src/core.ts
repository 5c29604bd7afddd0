/**
 * The portable part of TinySeek: the model, its training and its use, in Node, in a page and in a Web Worker. It reads
 * no file: text and models are given in memory, and runs are kept in a store. `tinyseek` is this and all that needs
 * Node.
 *
 * @module
 */

export { type BackendName, backendNames } from './backends/backend-names.ts';
export { activateBackend, type BackendOptions, type BackendStatus, probeBackends } from './backends/backends.ts';
export { countParameters, type ParameterCounts } from './config/counts.ts';
export { fromHuggingFaceConfig, toHuggingFaceConfig } from './config/huggingface.ts';
export type { ConfigSource } from './config/issues.ts';
export type { LinearScaling, ModelConfig, RopeScaling, YarnScaling } from './config/model-config.ts';
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
export { createDataset, type DatasetOptions } from './data/dataset.ts';
export type { GivenDocuments } from './data/documents.ts';
export type { DataProgress, OnProgress } from './data/progress.ts';
export type { TextPieces } from './data/tokenizers/bpe-trainer.ts';
export { createTokenizer } from './data/tokenizers/create-tokenizer.ts';
export { type TokenRoles, tokenizerFromHuggingFace } from './data/tokenizers/hugging-face-tokenizer.ts';
export { createRandom, type Random } from './data/random.ts';
export type { Turn } from './data/transcript.ts';
export type { Batch, CompleteTokenizer, Dataset, Tokenizer } from './data/types.ts';
export type { KernelMemory } from './engine/kernel-memory.ts';
export { type VariantName, variantNames } from './engine/variant-names.ts';
export { UserError } from './errors.ts';
export { createGenerator, type GeneratorOptions } from './generate/batch/batch-generator.ts';
export {
  generateSamples,
  type SampleSet,
  type TextListener,
  type TextSample,
} from './generate/batch/generate-samples.ts';
export type {
  GeneratedToken,
  GenerationEnd,
  GenerationEvent,
  GenerationRequest,
  GenerationStatistics,
  Generator,
  ScoredToken,
  TokenLogprob,
} from './generate/batch/generator.ts';
export { type SampleBatchOptions, type SampledAnswer, sampleBatch } from './generate/batch/sample-batch.ts';
export { type WeightFormat, weightFormats } from './engine/weight-formats.ts';
export { createDecoder } from './generate/decoder/create-decoder.ts';
export type {
  DecodedText,
  Decoder,
  DecoderOptions,
  DecoderWriter,
  DraftToken,
  DrawInput,
  RandomPurpose,
  SequenceTokens,
} from './generate/decoder/decoder.ts';
export type { DrawnTokens, GreedyTokens, TokenFilters, WrittenRound } from './generate/passes/passes.ts';
export type { FolderSampling, GenerationDefaults } from './generate/generation-defaults.ts';
export { type LoadedModel, loadModelFrom } from './generate/load-model.ts';
export { type SampleOptions, sampleText } from './generate/sample.ts';
export { defaultSampling, type SamplingOptions } from './generate/sampling/sampling.ts';
export { scoreTokens } from './generate/score.ts';
export type {
  Checkpoint,
  CheckpointContents,
  LatestCheckpoint,
  ModelContents,
  StoredCheckpoint,
} from './io/checkpoint.ts';
export type { FloatFormat } from './io/float-formats.ts';
export { type MtpLayers, toHfTensors } from './io/hf-tensors.ts';
export type { JsonObject } from './io/json.ts';
export { readSafetensors, writeSafetensors } from './io/safetensors-memory.ts';
export type { StoredTensor, TensorReader, TensorShape, TensorSource } from './io/tensor-source.ts';
export { rotaryFrequencies, softmaxScale } from './layers/rotary-embedding.ts';
export type { Attention, AttentionContext } from './mla/attention.ts';
export { DeepseekV3ForCausalLM, type ForwardOptions, type ForwardOutput } from './model/causal-lm.ts';
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
export {
  type Attributes,
  type AttributesOf,
  attributes,
  defineOp,
  type Op,
  type OpSpec,
  type Tensors,
} from './ops/define-op.ts';
export { type AnyTensors, type ComputedAgain, fusedOp } from './ops/fused-op.ts';
export type { Kernels } from './ops/kernel-types.ts';
export type { AttentionVisibility } from './ops/mla-attention.ts';
export type { Products } from './ops/products.ts';
export { registerKernels } from './ops/register-kernels.ts';
export type { RotaryTables } from './ops/rotary.ts';
export { type RouterConfig, type Routing, routeTokens } from './ops/router.ts';
export type { Shapes } from './ops/shape-letters.ts';
export type { DirectoryHandle, FileHandle, LockManager, WritableFile } from './runs/directory-handle.ts';
export { type MemoryStore, memoryStore } from './runs/memory-store.ts';
export type { ModelStore } from './runs/model-store.ts';
export { opfsStore } from './runs/opfs-store.ts';
export type { LogLine, RunLog, RunStore } from './runs/run-store.ts';
export { type ActiveBackend, type BackendId, backendIds } from './tensor/active-backend.ts';
export { type ValueAndGrads, valueAndGrads } from './tensor/gradients.ts';
export type { NamedTensor } from './tensor/named-tensor.ts';
export type { ParameterStore } from './tensor/parameters.ts';
export { type OutputGradients, type Pullback, type PullbackGradients, pullback } from './tensor/pullback.ts';
export { tf } from './tensor/tf.ts';
export { AdamW, type AdamWSettings, type Moments } from './train/adamw.ts';
export { clipScale, globalNorm } from './train/clip.ts';
export type { ConductOptions } from './train/conduct.ts';
export type { ContinueOptions } from './train/continue-run.ts';
export { type EvaluateOptions, evaluate } from './train/evaluate.ts';
export type { EvalResult, LayerLoad, MetricsLine, TrainEvent, TrainResult } from './train/events.ts';
export type { NewLength } from './train/go-on-longer.ts';
export type { ContextSettings } from './train/initial-model.ts';
export type { Learner, LearnerParts, Objective } from './train/learner.ts';
export { type LiveChange, type LiveSettings, SettingsController } from './train/live-settings.ts';
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
export type { DataChange, InitialModel, RunSettings, SettingsOverrides } from './train/run-settings.ts';
export type { RunWatcher } from './train/run-watcher.ts';
export type { Highlights, Measurement, MethodOutcome, MethodState, TrainingMethod } from './train/method.ts';
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
export type { StepPlan } from './train/schedules.ts';
export type { WeightAverage } from './train/ema.ts';
export type { StepOutcome } from './train/step-report.ts';
export type { StartStepper, Stepper } from './train/stepper.ts';
export type { UpdateGuard } from './train/update-guard.ts';
export type { Repeated } from './tensor/repeated.ts';
export { version } from './version.ts';
