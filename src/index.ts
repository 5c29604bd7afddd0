/**
 * TinySeek: DeepSeek-V3 in miniature, trained for real. The public API; nothing is defined here.
 *
 * @module
 */

import './node.ts';

export * from './beyond-training.ts';
export * from './core.ts';
export {
  type ClusterOptions,
  type ClusterResult,
  type RankResult,
  resumeCluster,
  trainCluster,
} from './cluster/train-cluster.ts';
export type { MessageFormat, Purpose } from './cluster/ranks/bytes.ts';
export { brotliBitsPerByte } from './data/brotli.ts';
export { type CorpusDescription, listCorpora } from './data/corpora/built-in.ts';
export { type ConversationRow, type ConversationSource, loadConversations } from './data/corpora/load-conversations.ts';
export { type DomainStatistics, datasetStatistics, type StatisticsOptions } from './data/statistics.ts';
export type { BarsChart, Chart, GridChart, LinesChart } from './display/chart.ts';
export { chartToText } from './display/chart-text.ts';
export { chartToSvg, type DisplayHook, display, type MediaBundle, setDisplayHook } from './display/display.ts';
export { loadTask } from './evaluate/load-task.ts';
export type {
  Arm,
  Changes,
  CurveChart,
  Expectation,
  Hypothesis,
  Measurements,
  Metric,
  Scatter,
  Series,
  Study,
  StudyHeatMap,
  TrainedArm,
} from './experiments/study.ts';
export type {
  ArmWork,
  Procedure,
  ProcedureResult,
  ProcedureSettings,
  StudyCurve,
} from './experiments/procedure.ts';
export { type StageOptions, type StagePart, trainStage } from './experiments/stage.ts';
export { type LoadOptions, loadModel } from './generate/load-model-folder.ts';
export type { ExportFormat, Fp8Format } from './interchange/export-format.ts';
export type { ScaleFormat } from './io/block-fp8.ts';
export { type ExportOptions, exportModel, type ModelFolder } from './interchange/export-model.ts';
export { runStage, type StageRun, stageFolders } from './long-context/run-stage.ts';
export { importModel } from './interchange/import-model.ts';
export { checkLoader } from './interchange/loader-check.ts';
export { type LoaderName, loaderNames } from './interchange/loader-names.ts';
export type { Finding } from './interchange/loader-rule.ts';
export {
  type DistilOptions,
  type DistilResult,
  type DistilRun,
  type DistilWatcher,
  distil,
} from './post-training/distil/distil.ts';
export { defaultDistilSettings, type DistilSettings, expertSolutions } from './post-training/distil/settings.ts';
export type { DistilPlan } from './post-training/distil/stages.ts';
export { renderReport } from './report/lazy.ts';
export { loadRun } from './report/load-run.ts';
export type { Evaluation, ShownAnswer } from './report/evaluations.ts';
export type { RunData, Sample } from './report/run-data.ts';
