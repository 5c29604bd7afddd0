// `tinyseek eval --tasks`: a checkpoint asked the problems of tasks.

import { UserError } from '../errors.ts';
import { type ChoiceResult, evaluateChoices } from '../evaluate/evaluate-choices.ts';
import { evaluateTask, type TaskResult } from '../evaluate/evaluate-task.ts';
import { loadTask } from '../evaluate/load-task.ts';
import { someHeldOut } from '../evaluate/split.ts';
import type { Problem, Task } from '../evaluate/task.ts';
import { openPromptFormat } from '../generate/chat/prompt-format.ts';
import type { JsonObject } from '../io/json.ts';
import { keepFound } from './keep-evaluations.ts';
import type { OpenedModel } from './open-model.ts';
import { precisionLines } from './precision-option.ts';
import { type CommandOutput, outputWidth } from './output.ts';
import { wholeNumber } from './run-options.ts';
import { parseNumber } from './sampling-options.ts';
import type { TaskFlags } from './task-options.ts';
import { createLiveBlock } from './terminal/live-block.ts';
import { formatHeadedTable } from './terminal/table.ts';
import { printable, wrapText } from './terminal/text.ts';

/** What is reported of a task, in the order of the JSON. */
type Reported = (Omit<TaskResult, 'examples'> | ChoiceResult) & { readonly contaminated?: number };

const usualProblems = 128;

/** @throws UserError for an option that only means something with `--tasks`. */
export function refuseWithoutTasks(flags: TaskFlags): void {
  const { tasks: _, ...others } = flags;
  const keys = ['problems', 'samples', 'temperature', 'system', 'maxNewTokens', 'seed', 'contamination'] as const;
  const given = keys.find((key) => others[key] !== undefined);
  if (given === undefined) return;
  const flag = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UserError(`--${flag}: only for tasks; name some with --tasks chain`);
}

/** Asks a model the problems of every task that `--tasks` names. */
export async function evaluateTasks(opened: OpenedModel, tasks: string, flags: TaskFlags): Promise<CommandOutput> {
  const results: Record<string, Reported> = {};
  const found: Record<string, JsonObject> = {};
  const examples: string[] = [];
  const prompt = await promptEncoder(opened, flags.system);
  for (const spec of tasks.split(',').map((part) => part.trim())) {
    const task = await loadTask(spec);
    const { problems, contaminated } = await chooseProblems(task, flags);
    const settings = { ...settingsOf(flags), problems, prompt, ...followTask(task.name) };
    if (problems.every(({ choices }) => choices !== undefined)) {
      results[task.name] = {
        ...(await evaluateChoices(opened.model, opened.tokenizer, task, settings))!,
        ...contaminated,
      };
      found[task.name] = { ...results[task.name] };
    } else {
      const all = (await evaluateTask(opened.model, opened.tokenizer, task, settings))!;
      const { examples: shown, ...result } = all;
      found[task.name] = { ...all };
      results[task.name] = { ...result, ...contaminated };
      examples.push(
        ...shown.map(
          ({ prompt: asked, completion, isRight }) => `${isRight ? 'right' : 'wrong'}  ${asked}${completion}`,
        ),
      );
    }
  }
  const report = await keepFound(opened.path, found, flags.system);
  const { precision } = opened;
  return {
    json: { tasks: results, precision },
    lines: [...lines(opened.path, results, examples, report), ...precisionLines(opened)],
  };
}

function settingsOf({ samples, temperature, seed, maxNewTokens }: TaskFlags) {
  return {
    ...(samples === undefined ? {} : { samples: wholeNumber('--samples', samples) }),
    ...(temperature === undefined ? {} : { temperature: parseNumber('--temperature', temperature) }),
    ...(seed === undefined ? {} : { seed: parseNumber('--seed', seed) }),
    ...(maxNewTokens === undefined ? {} : { maxNewTokens: wholeNumber('--max-new-tokens', maxNewTokens) }),
  };
}

/** A problem as the model wants it: through its chat template, or as the beginning of a document. */
export async function promptEncoder(
  { path, tokenizer }: Pick<OpenedModel, 'path' | 'tokenizer'>,
  system: string | undefined,
) {
  const { start, chat } = await openPromptFormat(path, tokenizer);
  const first = system === undefined ? [] : [{ role: 'system', content: system } as const];
  return async ({ prompt }: Problem): Promise<readonly number[]> =>
    chat.kind === 'template'
      ? chat.encode([...first, { role: 'user', content: prompt }])
      : [...start, ...tokenizer.encode(`${system ?? ''}${prompt}`)];
}

async function chooseProblems(task: Task, { problems, seed, contamination }: TaskFlags) {
  const count = problems === undefined ? null : wholeNumber('--problems', problems);
  const asked =
    task.problems === undefined
      ? someHeldOut(task, count ?? usualProblems, seed === undefined ? 0 : parseNumber('--seed', seed))
      : task.problems.slice(0, count ?? task.problems.length);
  if (contamination === undefined) return { problems: asked, contaminated: {} };
  const { findContaminated } = await import('../evaluate/contamination.ts');
  const { loadCorpora } = await import('../data/corpora/load-corpora.ts');
  const { textsOf } = await import('../data/documents.ts');
  async function* texts(): AsyncGenerator<string> {
    for (const { documents } of loadCorpora(contamination!)) yield* textsOf(documents);
  }
  const found = await findContaminated(asked, texts());
  const clean = asked.filter((problem) => !found.has(problem));
  if (clean.length > 0) return { problems: clean, contaminated: { contaminated: found.size } };
  throw new UserError(
    `task: all ${asked.length} problems of ${task.name} stand in ${contamination}; nothing would be measured: take ` +
      'other problems',
  );
}

/** How far it is, on a terminal. */
function followTask(name: string) {
  const block = process.stderr.isTTY ? createLiveBlock(process.stderr) : null;
  return {
    onProgress: (done: number, of: number) => {
      block?.draw([`${name}: ${done} of ${of} problems`]);
      if (done === of) block?.end();
    },
  };
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const range = ([low, high]: readonly [number, number]) => `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)}`;

function lines(
  path: string,
  results: Readonly<Record<string, Reported>>,
  examples: readonly string[],
  report: string | null,
): string[] {
  const all = Object.entries(results);
  const answered = all.flatMap(([name, result]) => {
    if (!('passAt1' in result)) return [];
    const { passAt1, passAtK, k, interval, meanLength, ended, problems } = result;
    const several = k === 1 ? '' : `${percent(passAtK)} (${k})`;
    return [
      [name, String(problems), percent(passAt1), range(interval), several, meanLength.toFixed(1), percent(ended)],
    ];
  });
  const chosen = all.flatMap(([name, result]) => {
    if (!('accuracy' in result)) return [];
    const { accuracy, accuracyByToken, accuracyByByte, interval, problems } = result;
    return [
      [name, String(problems), percent(accuracy), percent(accuracyByToken), percent(accuracyByByte), range(interval)],
    ];
  });
  const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
    rows.length === 0
      ? []
      : ['', ...formatHeadedTable([header, ...rows], outputWidth(), header.map((_, i) => i).slice(1))];
  const left = all.flatMap(([name, { contaminated }]) =>
    contaminated === undefined
      ? []
      : [`${name}: ${contaminated} problems stand in the text that was named and were left out.`],
  );
  return [
    `Checkpoint ${path}`,
    ...table(['task', 'problems', 'pass@1', '95 % interval', 'pass@k', 'tokens', 'ended'], answered),
    ...table(['task', 'problems', 'accuracy', 'by token', 'by byte', '95 % interval'], chosen),
    ...(left.length === 0 ? [] : ['', ...left]),
    ...(examples.length === 0
      ? []
      : [
          '',
          'Some answers:',
          ...examples.flatMap((text) => wrapText(printable(text), outputWidth() - 2).map((line) => `  ${line}`)),
        ]),
    ...(report === null ? [] : ['', `Kept with the run, in its report: ${report}`]),
  ];
}
