// From expert to student in a folder, one stage after the other, each of which goes on where it was stopped.

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { activateBackend } from '../../backends/backends.ts';
import { loadConversations } from '../../data/corpora/load-conversations.ts';
import { UserError } from '../../errors.ts';
import { explainFsErrors } from '../../io/file-system.ts';
import { readJsonFile, writeJsonFile } from '../../io/json-file.ts';
import type { TrainResult } from '../../train/events.ts';
import type { RunWatcher } from '../../train/run-watcher.ts';
import { parseRunSettings } from '../../train/run-settings.ts';
import { startOrResume } from '../../train/staged-run.ts';
import { recordedSftOf } from '../sft/sft-settings.ts';
import type { ConversationSet } from '../sft/sources.ts';
import { type SamplingSummary, keepAnswers, summarizeSampling } from './sample-answers.ts';
import { writeAnswers } from './answers-file.ts';
import { type DistilSettings, validateDistil } from './settings.ts';
import { type DistilPlan, expertAnswers, expertRl, expertSft, studentSft } from './stages.ts';

/** The runs, in their order; each has a folder of its name. */
export type DistilRun = 'expert-sft' | 'expert-rl' | 'student';

const recordFile = 'distil.json';
const answersFile = 'answers.jsonl';
const samplingFile = 'sampling.json';

export interface DistilWatcher extends Pick<RunWatcher, 'signal'> {
  /** Carries out a run, which is given what watches it; by default with `signal` alone. */
  readonly conduct?: (name: DistilRun, start: (watcher: RunWatcher) => Promise<TrainResult>) => Promise<TrainResult>;
  /** Is told how many problems the expert has answered. */
  readonly onSampling?: (done: number, of: number) => void;
}

export interface DistilOptions extends DistilPlan, DistilWatcher {
  readonly dir: string;
}

/** What became of each stage; those that an interrupt left out are absent. */
export interface DistilResult {
  readonly dir: string;
  readonly runs: Readonly<Partial<Record<DistilRun, TrainResult>>>;
  /** What the expert answered, and what of it was kept in `answers`. */
  readonly sampling?: SamplingSummary;
  /** JSON Lines that `sft` reads. */
  readonly answers?: string;
  /** False when an interrupt ended it; the same call goes on. */
  readonly finished: boolean;
}

/**
 * The report's pipeline (arXiv:2412.19437 section 5.1) in `dir`: SFT of an expert on two kinds of samples
 * (`expert-sft`), GRPO for right and short answers (`expert-rl`), rejection sampling (`answers.jsonl`), and a student
 * that learns from what was kept (`student`). The task is measured before and after each run. The same call in the same
 * folder goes on where it stopped, to the same bits.
 *
 * @throws {UserError} for invalid settings, a folder that holds something else or was begun with other settings, an
 * expert that solves too few problems to learn from, and as `sft` and `grpo` do.
 */
export async function distil(options: DistilOptions): Promise<DistilResult> {
  const { dir, backend, backendOptions = {}, signal, onSampling } = options;
  const plan = { ...options, settings: validateDistil(options.settings) };
  openFolder(dir, plan.settings);
  await activateBackend(backend, backendOptions);
  const watcher = signal === undefined ? {} : { signal };
  const { conduct = (_, start) => start(watcher) } = options;
  const runs: Partial<Record<DistilRun, TrainResult>> = {};
  const run = async (name: DistilRun, stage: Parameters<typeof startOrResume>[1]): Promise<TrainResult> => {
    const result = await conduct(name, (watch) => startOrResume(join(dir, name), stage, watch));
    runs[name] = result;
    return result;
  };
  const taught = await run('expert-sft', expertSft(plan));
  if (!taught.finished) return { dir, runs, finished: false };
  const expert = await run('expert-rl', expertRl(plan, taught.checkpoint));
  if (!expert.finished) return { dir, runs, finished: false };
  const answers = join(dir, answersFile);
  const sampling = await sampleInto(answers, plan, expert.checkpoint, { ...watcher, onSampling });
  if (sampling === null) return { dir, runs, finished: false };
  const student = await run(
    'student',
    studentSft(plan, await readAnswers(answers), templateOf(join(dir, 'expert-sft'))),
  );
  return { dir, runs, sampling, answers, finished: student.finished };
}

/** Takes the folder, or goes on in it. */
function openFolder(dir: string, settings: DistilSettings): void {
  if (!existsSync(join(dir, recordFile))) {
    const there = explainFsErrors('distil: cannot use', dir, () => (existsSync(dir) ? readdirSync(dir) : []));
    if (there.length > 0) {
      throw new UserError(`distil: ${dir} is not empty and holds no distillation; choose another folder with --out`);
    }
    mkdirSync(dir, { recursive: true });
    writeJsonFile(join(dir, recordFile), { format: 1, ...settings }, 'distil');
    return;
  }
  const { format: _, ...recorded } = readJsonFile(dir, recordFile, 'distil');
  const then = validateDistil(recorded);
  const key = Object.keys(settings).find((name) => Reflect.get(then, name) !== Reflect.get(settings, name));
  if (key === undefined) return;
  throw new UserError(
    `distil: ${dir} was begun with ${key} ${String(Reflect.get(then, key))}, and now it is ` +
      `${String(Reflect.get(settings, key))}; give the same, or choose another folder with --out`,
  );
}

/** What the expert's answers come to, from the file if they were sampled before. */
async function sampleInto(
  file: string,
  plan: DistilPlan,
  checkpoint: string,
  watch: { readonly onSampling?: DistilWatcher['onSampling']; readonly signal?: AbortSignal },
): Promise<SamplingSummary | null> {
  const dir = join(file, '..');
  if (existsSync(file) && existsSync(join(dir, samplingFile))) {
    return readJsonFile(dir, samplingFile, 'distil') as unknown as SamplingSummary;
  }
  const { onSampling, signal } = watch;
  const groups = await expertAnswers(plan, checkpoint, {
    ...(onSampling === undefined ? {} : { onProgress: onSampling }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (groups === null) return null;
  const kept = keepAnswers(groups, 'shortest');
  const summary = summarizeSampling(groups, kept);
  if (kept.length < 2) {
    throw new UserError(
      `distil: of ${groups.length} problems the expert solved ${kept.length}, too few to learn from; give it more ` +
        'steps (--sft-steps, --rl-steps) or easier problems',
    );
  }
  writeAnswers(file, kept);
  writeJsonFile(join(dir, samplingFile), summary, 'distil');
  return summary;
}

async function readAnswers(file: string): Promise<ConversationSet> {
  const [source] = await loadConversations(file);
  return { name: answersFile, conversations: source!.rows };
}

/** The template that the expert learned by. */
function templateOf(runDir: string): string {
  return recordedSftOf(parseRunSettings(readJsonFile(runDir, 'run.json', 'distil'), runDir), runDir).template;
}
