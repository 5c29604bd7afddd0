// Checks a study that a user wrote: first its shape, by zod, then that all names used in it exist.

import * as z from 'zod';
import type { ModelConfig } from '../config/model-config.ts';
import { presetNames } from '../config/presets.ts';
import { modelConfigSchema, trainConfigSchema } from '../config/schema.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { UserError } from '../errors.ts';
import { armSettings } from './settings.ts';
import type { Study } from './study.ts';

const text = z.string().min(1);

/** Drops keys without a value: a module may have written `key: undefined`. */
function withoutUndefined<T extends object>(record: { readonly [K in keyof T]?: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>;
}

const changes = {
  modelChanges: modelConfigSchema
    .partial()
    .transform(withoutUndefined<ModelConfig>)
    .exactOptional(),
  trainChanges: trainConfigSchema
    .partial()
    .transform(withoutUndefined<TrainConfig>)
    .exactOptional(),
  procedureChanges: z.record(text, z.union([z.number(), z.string(), z.boolean(), z.null()])).exactOptional(),
};
const expectation = z.union([
  z.strictObject({ below: z.number() }),
  z.strictObject({ above: z.number() }),
  z.strictObject({ within: z.number().positive() }),
]);
const metric = z.strictObject({
  key: text,
  label: text,
  unit: text.exactOptional(),
  better: z.enum(['lower', 'higher']).exactOptional(),
  bounds: z.strictObject({ min: z.number().exactOptional(), max: z.number().exactOptional() }).exactOptional(),
});

function functionOf<K extends 'procedure' | 'prepare' | 'evaluate'>() {
  return z.custom<NonNullable<Study[K]>>((value) => typeof value === 'function', 'a function').exactOptional();
}

const studySchema = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/, 'a name of letters, digits, dots and dashes'),
  title: text,
  question: z.string().default(''),
  source: z.string().default(''),
  equal: text,
  preset: z.enum(presetNames).default('tiny'),
  base: z.strictObject(changes).default({}),
  quick: z.strictObject(changes).default({}),
  seeds: z.int().min(1).exactOptional(),
  arms: z
    .array(
      z.strictObject({
        ...changes,
        name: z.string().regex(/^[\w.-]+$/, 'a name of letters, digits, dots and dashes'),
        label: text.exactOptional(),
        stepsFactor: z.number().positive().exactOptional(),
        variant: text.exactOptional(),
      }),
    )
    .min(2, 'at least two arms: there is nothing to compare otherwise'),
  metrics: z.array(metric).default([{ key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' }]),
  hypotheses: z
    .array(
      z.strictObject({
        claim: text,
        metric: text,
        arm: text,
        against: text.exactOptional(),
        as: z.enum(['difference', 'ratio']).exactOptional(),
        expect: expectation,
        paper: text.exactOptional(),
      }),
    )
    .default([]),
  paper: z.array(text).default([]),
  scatters: z.array(z.strictObject({ title: text, advice: text, x: text, y: text })).exactOptional(),
  series: z
    .array(
      z.strictObject({
        title: text,
        advice: text,
        xLabel: text,
        yLabel: text,
        points: z.array(z.strictObject({ x: z.number(), metric: text })).min(1),
      }),
    )
    .exactOptional(),
  curves: z
    .array(z.strictObject({ title: text, advice: text, xLabel: text, yLabel: text, curve: text }))
    .exactOptional(),
  heatMaps: z
    .array(
      z.strictObject({
        title: text,
        advice: text,
        xLabel: text,
        yLabel: text,
        range: z.tuple([z.number(), z.number()]),
        cells: z.array(z.strictObject({ x: text, y: text, metric: text })).min(1),
      }),
    )
    .exactOptional(),
  procedure: functionOf<'procedure'>(),
  prepare: functionOf<'prepare'>(),
  evaluate: functionOf<'evaluate'>(),
});

/** A study that can be run, or a `UserError` with one line a problem; `where` names it, `name` is its default name. */
export function checkStudy(value: unknown, where: string, name: string): Study {
  const named = typeof value === 'object' && value !== null ? { name, ...value } : value;
  const parsed = studySchema.safeParse(named);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      ({ path, message }) => `study ${where}: ${path.join('.') || 'it'}: ${message}`,
    );
    throw new UserError(lines.join('\n'));
  }
  const study: Study = parsed.data;
  const problems = [...procedureProblems(study), ...nameProblems(study)].map((problem) => `study ${where}: ${problem}`);
  if (problems.length > 0) throw new UserError(problems.join('\n'));
  for (const arm of study.arms) armSettings(study, arm, { quick: false, steps: null }, 0);
  return study;
}

function* procedureProblems({ base, quick, arms, procedure, prepare, evaluate }: Study): Iterable<string> {
  if (procedure === undefined) {
    if (prepare !== undefined) yield 'prepare is for a study with a procedure; write one, or leave prepare out';
    if ([base, quick, ...arms].some(({ procedureChanges }) => procedureChanges !== undefined))
      yield 'procedureChanges are settings of a procedure, and the study has none; leave them out';
    return;
  }
  if (evaluate !== undefined) yield 'a procedure returns all measurements itself; leave evaluate out';
  const trained = arms.find(({ variant, stepsFactor }) => variant !== undefined || stepsFactor !== undefined);
  if (trained !== undefined)
    yield `arm ${trained.name} has a variant or a stepsFactor, which are for arms that are training runs; ` +
      'use procedureChanges in a study with a procedure';
}

function* nameProblems({ arms, hypotheses }: Study): Iterable<string> {
  const names = arms.map((arm) => arm.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) yield `two arms are called ${twice}; give each a name of its own`;
  for (const { arm, against, claim } of hypotheses) {
    const unknown = [arm, against].find((name) => name !== undefined && !names.includes(name));
    if (unknown !== undefined)
      yield `the claim "${claim}" is about arm ${unknown}, which there is not; arms: ${names.join(', ')}`;
  }
}
