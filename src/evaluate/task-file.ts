// A task as data: JSON Lines, a problem a line. The first line may be a header that says how answers are read.
//
//   {"task": "capitals", "description": "The capital of a country.", "stop": "\n", "format": "^ ?([A-Z]\\w+)$"}
//   {"prompt": "The capital of France is", "answer": "Paris"}
//   {"prompt": "A function that adds two numbers:", "tests": [{"args": [2, 3], "result": 5}]}
//   {"query": "Herons sleep in", "choices": ["trees", "rivers"], "gold": 0}

import * as z from 'zod';
import { UserError } from '../errors.ts';
import type { Problem, Task } from './task.ts';
import { passesTests } from './unit-tests.ts';

const header = z.strictObject({
  /** What results are called. */
  task: z.string().min(1),
  description: z.string().optional(),
  /** Text that ends an answer. */
  stop: z.string().min(1).optional(),
  /** A regular expression; the answer is its first group, or all that it matches. */
  format: z.string().optional(),
});

const written = z.looseObject({
  prompt: z.string(),
  answer: z.union([z.string(), z.number()]),
  solutions: z.record(z.string(), z.string()).optional(),
});

/** A problem whose answer is a program; its answer as text is what the tests want. */
const tested = z.looseObject({
  prompt: z.string(),
  tests: z.array(z.object({ args: z.array(z.json()), result: z.json() })).min(1),
  solutions: z.record(z.string(), z.string()).optional(),
});

const choices = z.union([
  z.array(z.string()).min(2),
  z.object({ text: z.array(z.string()).min(2), label: z.array(z.string()) }),
]);

/**
 * The shapes of lm-evaluation-harness: `query`, `question` or `ctx`; `choices` or `endings`; `gold`, `label` or
 * `answer`.
 */
const chosen = z.looseObject({ choices: choices.optional(), endings: choices.optional() });

/**
 * A task from the text of a file.
 *
 * @param name what the task is called unless a header says so, and how messages call the file
 * @throws UserError that names the line of what is no problem.
 */
export function readTask(text: string, name: string): Task {
  const lines = text
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [{ line, where: `task: ${name}: line ${i + 1}` }]));
  const rows = lines.map(({ line, where }) => ({ value: parse(line, where), where }));
  const first = header.safeParse(rows[0]?.value);
  const said = first.success ? first.data : { task: name };
  const problems = rows.slice(first.success ? 1 : 0).map(({ value, where }) => problemOf(value, where));
  if (problems.length === 0) throw new UserError(`task: ${name} has no problems; write one a line`);
  const answerOf = reader(said.format, name);
  return {
    name: said.task,
    description: said.description ?? `${problems.length} problems of ${name}.`,
    problems,
    ...(said.stop === undefined ? {} : { stop: said.stop }),
    problem: (random) => problems[random.below(problems.length)]!,
    answerOf,
    isRight: ({ answer, tests }, completion) => {
      const found = answerOf(completion);
      return tests === undefined || found === null ? found === answer : passesTests(found, tests);
    },
  };
}

function parse(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new UserError(`${where}: not JSON: ${line.trim().slice(0, 60)}; expected one object a line`, { cause });
  }
}

function problemOf(value: unknown, where: string): Problem {
  const withChoices = chosen.safeParse(value);
  const listed = withChoices.success ? (withChoices.data.choices ?? withChoices.data.endings) : undefined;
  if (withChoices.success && listed !== undefined) return choiceOf(withChoices.data, listed, where);
  const withTests = tested.safeParse(value);
  if (withTests.success) {
    const { prompt, tests, solutions } = withTests.data;
    const answer = JSON.stringify(tests.map(({ result }) => result));
    return { prompt, answer, tests, ...(solutions === undefined ? {} : { solutions }) };
  }
  const parsed = written.safeParse(value);
  if (!parsed.success) {
    throw new UserError(
      `${where}: expected "prompt" and "answer" or "tests", or "query", "choices" and "gold"; found ${JSON.stringify(value).slice(0, 80)}`,
    );
  }
  const { prompt, answer, solutions } = parsed.data;
  return { prompt, answer: String(answer).trim(), ...(solutions === undefined ? {} : { solutions }) };
}

function choiceOf(row: Readonly<Record<string, unknown>>, listed: z.infer<typeof choices>, where: string): Problem {
  const [texts, labels] = Array.isArray(listed) ? [listed, []] : [listed.text, listed.label];
  const prompt = [row.prompt, row.query, row.question, row.ctx].find((text) => typeof text === 'string');
  const gold = row.gold ?? row.label ?? row.answerKey ?? row.answer;
  const at = placeOf(gold, texts, labels);
  if (typeof prompt !== 'string' || at === undefined || gold === null || gold === '') {
    throw new UserError(
      `${where}: expected a text in "query", and in "gold" which of the ${texts.length} choices is right`,
    );
  }
  return { prompt, answer: texts[at]!, choices: texts };
}

/** Which choice is meant: by its label, its place from 0, its text, or a letter. */
function placeOf(gold: unknown, texts: readonly string[], labels: readonly string[]): number | undefined {
  const text = String(gold);
  const place = typeof gold === 'number' ? gold : Number.NaN;
  const places = [labels.indexOf(text), place, texts.indexOf(text), 'ABCDEFGH'.indexOf(text), Number(text)];
  return places.find((at) => Number.isInteger(at) && at >= 0 && at < texts.length);
}

/** The answer of a completion: what a format finds in it, or all of it. */
function reader(format: string | undefined, name: string): (completion: string) => string | null {
  if (format === undefined) return (completion) => completion.trim();
  let pattern: RegExp;
  try {
    pattern = new RegExp(format, 'u');
  } catch (cause) {
    throw new UserError(`task: ${name}: the format ${JSON.stringify(format)} is no regular expression`, { cause });
  }
  return (completion) => {
    const match = pattern.exec(completion);
    return match === null ? null : (match[1] ?? match[0]).trim();
  };
}
