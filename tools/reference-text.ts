// The parts of docs/configuration.md, docs/data.md, docs/cluster.md and docs/hardware.md that are made from the code:
// what each key of a configuration is, what presets set, how keys must fit together, which corpora are built in, what
// was simulated.

import * as z from 'zod';
import { modelPreset, presetNames, trainablePresetNames, trainPreset } from '../src/config/presets.ts';
import { modelConfigSchema, trainConfigSchema, yarnSchema } from '../src/config/schema.ts';
import { constraintSentences } from '../src/config/validate.ts';
import { listCorpora } from '../src/data/corpora/built-in.ts';
import { table } from '../src/experiments/results-markdown.ts';
import * as cluster from './cluster-tables.ts';
import * as hardware from './hardware-tables.ts';
import { fillBlocks, type MarkedBlock } from './marked-blocks.ts';
import { paperSymbols } from './paper-symbols.ts';

/** The pages by their path, each with the parts that are made here. */
export const referencePages: Readonly<Record<string, readonly MarkedBlock[]>> = {
  'docs/configuration.md': [
    block('model keys', keyTable(modelConfigSchema, 'tiny', modelPreset('tiny'))),
    block('YaRN keys', keyTable(yarnSchema, 'deepseek-v3', modelPreset('deepseek-v3').ropeScaling)),
    block('run keys', keyTable(trainConfigSchema, 'tiny', trainPreset('tiny'))),
    block('model presets', presetTable(presetNames, modelPreset)),
    block('run presets', presetTable(trainablePresetNames, trainPreset)),
    block('constraints', constraintSentences.map((sentence) => `- ${sentence}`).join('\n')),
  ],
  'docs/data.md': [block('corpora', corpusTable())],
  'docs/cluster.md': [
    block('schedules', cluster.scheduleTable()),
    block('steps', cluster.stepTable()),
    block('variations', cluster.variationTable()),
    block('traffic', cluster.trafficTable()),
    block('cost', cluster.costTable()),
    block('prefill', cluster.servingTable('prefill')),
    block('decode', cluster.servingTable('decode')),
    block('redundancy', cluster.redundancyTable()),
    block('shift', cluster.shiftTable()),
    block('dynamic', cluster.dynamicTable()),
    block('moves', cluster.movesTable()),
    block('overlap', cluster.overlapTable()),
  ],
  'docs/hardware.md': [
    block('accumulation', hardware.accumulationTable()),
    block('scaling', hardware.scalingTable()),
    block('bytes', hardware.bytesTable()),
    block('transpose', hardware.transposeTable()),
    block('communication', hardware.communicationTable()),
  ],
};

/** A page with the parts that are made here written again. */
export function referencePage(path: string, page: string): string {
  return fillBlocks(page, referencePages[path] ?? []);
}

function block(name: string, content: string): MarkedBlock {
  return { begin: `<!-- generated: ${name} -->`, end: `<!-- end: ${name} -->`, content };
}

function keyTable(schema: z.ZodObject, preset: string, example: object | null): string {
  const values = new Map<string, unknown>(Object.entries(example ?? {}));
  const symbols = new Map(Object.entries(paperSymbols));
  const rows = Object.entries(schema.shape).map(([key, type]) => {
    const symbol = symbols.get(key);
    return [
      code(key),
      allowedValues(type),
      code(values.has(key) ? showValue(values.get(key)) : 'left out'),
      `${type.description}.`,
      symbol === undefined ? '' : code(symbol),
    ];
  });
  return table(['key', 'allowed values', `in ${code(preset)}`, 'meaning', 'symbol'], rows);
}

/** What an error message says that a value must be. */
function allowedValues(schema: z.ZodType): string {
  if (schema instanceof z.ZodOptional) return `${allowedValues(schema.unwrap() as z.ZodType)}, or left out`;
  const message = schema.safeParse(undefined).error?.issues[0]?.message ?? '';
  const isNullable = schema.safeParse(null).success && !message.includes('null');
  return isNullable ? `${message}, or null` : message;
}

/** The keys that not all of some presets set alike. */
function presetTable(names: readonly string[], preset: (name: string) => object): string {
  const columns = names.map((name) => new Map<string, unknown>(Object.entries(preset(name))));
  const keys = [...(columns[0]?.keys() ?? [])];
  const rows = keys
    .map((key) => [key, ...columns.map((column) => showValue(column.get(key)))])
    .filter(([, ...cells]) => new Set(cells).size > 1)
    .map((cells) => cells.map(code));
  return table(['key', ...names.map(code)], rows);
}

function corpusTable(): string {
  const rows = listCorpora().map(({ name, domain, description, licence }) => [
    code(name),
    domain,
    description,
    licence,
  ]);
  return table(['name', 'kind of text', 'what it is', 'licence'], rows);
}

/** Numbers are shown with six digits; what is inside an object has a table of its own. */
function showValue(value: unknown): string {
  if (typeof value === 'object' && value !== null) return 'YaRN';
  if (value === '') return '""';
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : String(value);
}

function code(text: string): string {
  return `\`${text}\``;
}
