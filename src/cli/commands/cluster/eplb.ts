// `tinyseek cluster eplb`: where experts and their replicas should live.

import type { ExpertPlacement, PlacementOptions } from '../../../cluster/serving/eplb.ts';
import { UserError } from '../../../errors.ts';
import { defineCommand } from '../../command.ts';
import { jsonOption } from '../../common-options.ts';
import { outputWidth } from '../../output.ts';
import { wholeNumber } from '../../run-options.ts';
import { plural } from '../../terminal/format.ts';
import { formatHeadedTable } from '../../terminal/table.ts';
import { readJson } from './read-json.ts';

export const eplbCommand = defineCommand({
  name: 'eplb',
  summary: 'place experts and their replicas on GPUs, by their load',
  description:
    "Places experts on GPUs so that all have about the same load, with the released balancer's algorithm " +
    '(EPLB): groups of experts stay in a node where they can be shared out among the nodes, and are ' +
    'ignored otherwise.',
  options: [
    {
      flags: '--weights <file>',
      help: 'JSON array of layers, each an array of the loads of its experts',
      isRequired: true,
    },
    { flags: '--replicas <n>', help: 'slots for experts on all GPUs', isRequired: true },
    { flags: '--groups <n>', help: 'groups of experts (nGroup of the model)', default: '1' },
    { flags: '--nodes <n>', help: 'nodes of GPUs', default: '1' },
    { flags: '--gpus <n>', help: 'GPUs on all nodes', isRequired: true },
    { flags: '--previous <file>', help: 'where they are now (what --json printed): as many as can be stay there' },
    jsonOption,
  ],
  examples: [
    ['cluster eplb --weights loads.json --replicas 16 --groups 4 --nodes 2 --gpus 8', 'the published example'],
    ['cluster eplb --weights new-loads.json --replicas 16 --gpus 8 --previous placement.json', 'moves little'],
  ],
  run: async ({ weights: path, previous, ...options }) => {
    const { gpuLoads, maxOverMean, placeExperts } = await import('../../../cluster/serving/eplb.ts');
    const weights = readWeights(path);
    const gpus = wholeNumber('--gpus', options.gpus);
    const machines = {
      replicas: wholeNumber('--replicas', options.replicas),
      groups: wholeNumber('--groups', options.groups),
      nodes: wholeNumber('--nodes', options.nodes),
      gpus,
    };
    const anew = placeExperts(weights, machines);
    const { placement, fetched } = previous === undefined ? { placement: anew } : await kept(previous, anew, machines);
    const loads = gpuLoads(weights, placement.physicalToLogical, gpus);
    return {
      json: { ...placement, gpuLoads: loads, ...(fetched === undefined ? {} : { fetched }) },
      lines: [
        ...table(placement, loads.map(maxOverMean), gpus),
        ...(fetched === undefined ? [] : ['', `GPUs fetch ${plural(fetched, 'expert')} from others.`]),
      ],
    };
  },
});

/** The placement with what can stay left where it is, and how many experts GPUs have to fetch. */
async function kept(path: string, anew: ExpertPlacement, machines: PlacementOptions) {
  const { fetchedExperts, keepSlots } = await import('../../../cluster/serving/keep-slots.ts');
  const expected = 'expected what `cluster eplb --json` printed';
  const value = readJson(path, 'eplb', expected) as { readonly physicalToLogical?: unknown } | null;
  const before = value?.physicalToLogical;
  if (!isLayers(before)) throw new UserError(`eplb: ${path}: ${expected}`);
  const placement = keepSlots(before, anew, machines);
  return { placement, fetched: fetchedExperts(before, placement.physicalToLogical, machines.gpus) };
}

const isLayers = (value: unknown): value is number[][] =>
  Array.isArray(value) &&
  value.every((layer) => Array.isArray(layer) && layer.every((number) => typeof number === 'number'));

/** @throws {UserError} for a file that holds something else */
function readWeights(path: string): number[][] {
  const value = readJson(path, 'eplb', 'expected an array of layers, such as [[90, 132], [20, 107]]');
  if (isLayers(value)) return value;
  throw new UserError(
    `eplb: ${path}: expected an array of layers, each an array of numbers, such as [[90, 132], [20, 107]]`,
  );
}

function table({ physicalToLogical }: ExpertPlacement, imbalance: readonly number[], gpus: number): string[] {
  const rows = physicalToLogical.map((layer, index) => {
    const perGpu = layer.length / gpus;
    const groups = Array.from({ length: gpus }, (_, gpu) => layer.slice(gpu * perGpu, (gpu + 1) * perGpu).join(' '));
    return [`layer ${index}`, imbalance[index]!.toFixed(3), groups.join(' | ')];
  });
  return formatHeadedTable([['', 'max / mean', 'experts of each GPU'], ...rows], outputWidth(), [1]);
}
