/**
 * What comes after training and around it: tasks to be measured on, a longer context, post-training, 8-bit numbers, and
 * a cluster that is planned and simulated. It runs anywhere, as `core.ts` does, but is no part of `tinyseek/core`, so
 * that a page which only trains does not load it: `tinyseek/more`.
 *
 * @module
 */

export { type CostOptions, type CostPart, type TrainingCost, trainingCost } from './cluster/cost.ts';
export { type Layout, layoutText, parseLayout } from './cluster/layout.ts';
export { type RecordOptions, recordRouting } from './cluster/record-routing.ts';
export { parseRoutingTrace, type RoutingTrace, type TracedText } from './cluster/routing-trace.ts';
export { type Action, type Message, withMessages } from './cluster/schedule/messages.ts';
export type { Chunk, Operation, Pass, Schedule } from './cluster/schedule/schedule.ts';
export { createSchedule, type ScheduleName, scheduleNames } from './cluster/schedule/schedules.ts';
export {
  type Durations,
  type PassCosts,
  passDurations,
  simulateSchedule,
  type TimedOperation,
  type Timeline,
} from './cluster/schedule/timeline.ts';
export { validateSchedule } from './cluster/schedule/validate.ts';
export { type ExpertPlacement, gpuLoads, type PlacementOptions, placeExperts } from './cluster/serving/eplb.ts';
export type { DynamicUnit } from './cluster/serving/dynamic-redundancy.ts';
export { fetchedExperts, keepSlots, type Machines, type Slots } from './cluster/serving/keep-slots.ts';
export type { Moves } from './cluster/serving/rebalance-moves.ts';
export {
  type Interval,
  type IntervalLoads,
  intervalsOf,
  type ServePlan,
  servePlan,
} from './cluster/serving/serve-plan.ts';
export { type Phase, type ServingUnit, servingUnit } from './cluster/serving/unit.ts';
export { type Hardware, h800 } from './cluster/simulator/hardware.ts';
export type { MemoryOfRank } from './cluster/simulator/memory.ts';
export { type MemorySaving, memorySavings } from './cluster/simulator/savings.ts';
export {
  type ChunkCosts,
  type Simulation,
  type SimulationOptions,
  simulateStep,
} from './cluster/simulator/simulate.ts';
export { countTraffic, meanTraffic, type Placement, type Traffic } from './cluster/simulator/traffic.ts';
export type { DispatchFormat } from './cluster/simulator/work.ts';
export { type ActivationUnit, type TraceEvent, type TraceFile, traceEvents } from './cluster/trace-events.ts';
export { generateMath } from './data/corpora/math.ts';
export { conversationText, turnHeading } from './data/transcript.ts';
export { findContaminated } from './evaluate/contamination.ts';
export { type ChoiceResult, evaluateChoices } from './evaluate/evaluate-choices.ts';
export {
  evaluateTask,
  type PromptEncoder,
  type TaskEvaluation,
  type TaskResult,
  type TraitShares,
} from './evaluate/evaluate-task.ts';
export { heldOutProblems, trainingProblem, trainingProblems } from './evaluate/split.ts';
export type { Problem, Task } from './evaluate/task.ts';
export { passesTests, type UnitTest } from './evaluate/unit-tests.ts';
export { readTask } from './evaluate/task-file.ts';
export { namedTask } from './evaluate/tasks/index.ts';
export type { Variant, VariantOptions } from './experiments/study.ts';
export { knownBugs } from './experiments/variants/known-bugs.ts';
export { type AttentionMap, attentionOf } from './inspect/attention-of.ts';
export { type CacheBytes, cacheBytes } from './inspect/cache-bytes.ts';
export { type DomainLoads, domainLoads } from './inspect/domain-loads.ts';
export { type DraftMark, type DraftMarks, draftMarks, type MarkedToken } from './inspect/draft-marks.ts';
export { type DeadExpert, RouterHistory, type RouterHistoryOptions } from './inspect/router-history.ts';
export { type LayerRouting, routingOf } from './inspect/routing-of.ts';
export {
  type ContextExtension,
  contextLength,
  extendContext,
  extendModel,
  stageLengths,
} from './long-context/extend-context.ts';
export { measureNeedle, measureRecall, type RecallMeasure, type RecallShares } from './long-context/measure-recall.ts';
export { type ExtensionPlanOptions, type ExtensionStage, planExtension } from './long-context/plan-extension.ts';
export { type RecallDatasetOptions, recallDataset } from './long-context/recall-dataset.ts';
export { recallTokenizer } from './long-context/recall-tokenizer.ts';
export { type AdvantageKind, groupAdvantages } from './post-training/grpo/advantages.ts';
export { defaultGrpoConfig, defaultGrpoTrain, type GrpoConfig } from './post-training/grpo/config.ts';
export {
  type GrpoOptions,
  type GrpoProblems,
  grpo,
  type ResumeGrpoOptions,
  resumeGrpo,
} from './post-training/grpo/grpo.ts';
export {
  type GrpoLossInput,
  type GrpoLossOptions,
  grpoLoss,
  type MeanOver,
  type RatioLevel,
  tokenWeights,
} from './post-training/grpo/loss.ts';
export {
  type Judge,
  judgeAnswers,
  judgeReward,
  pairsRight,
  type CandidateAnswer,
  verdictsRight,
} from './post-training/rewards/judge/judge.ts';
export { type JudgeMarks, type JudgeStyle, judgeMarks } from './post-training/rewards/judge/judge-text.ts';
export {
  judgeConversations,
  type PairOptions,
  type PreferencePair,
  preferencePairs,
} from './post-training/rewards/judge/pairs.ts';
export { type Answer, correct, type Reward, sumOfRewards, type Voter } from './post-training/rewards/reward.ts';
export { boxed, boxedAnswer, brevity, concise, hasFormat } from './post-training/rewards/rules.ts';
export { type MemoryKind, memoryKinds, type StepMemory } from './memory/kinds.ts';
export { type LedgerRequest, memoryLedger } from './memory/ledger.ts';
export { vote } from './post-training/rewards/vote.ts';
export {
  type JudgedAnswer,
  type KeepRule,
  keepAnswers,
  type SampleAnswersOptions,
  type SamplingSummary,
  sampleAnswers,
  summarizeSampling,
} from './post-training/distil/sample-answers.ts';
export { miniatureModel } from './post-training/miniature.ts';
export { type ResumeSftOptions, resumeSft, type SftOptions, type SftSamples, sft } from './post-training/sft/sft.ts';
export type { ConversationSet } from './post-training/sft/sources.ts';
export { type Accumulator, emulatedDot } from './precision/accumulate.ts';
export {
  bfloat16,
  decode as decodeFloat,
  e4m3,
  e5m2,
  e5m6,
  encode as encodeFloat,
  roundTo,
  type SmallFloat,
} from './precision/formats.ts';
export { type Quantizer, quantizeDequantize } from './precision/quantize.ts';
export { type Fp8Recipe, fp8Recipe } from './precision/recipe.ts';
export { filesModel } from './runs/files-model.ts';
export { modelFolder } from './train/model-folder.ts';
export type { RecallKind } from './evaluate/tasks/recall-language.ts';
