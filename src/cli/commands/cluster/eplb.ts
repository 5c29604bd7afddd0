// `tinyseek cluster eplb`: where experts and their replicas should live.

import type { ExpertPlacement } from '../../../cluster/serving/eplb.ts';
import { UserError } from '../../../errors.ts';
import { defineCommand } from '../../command.ts';
import { jsonOption } from '../../common-options.ts';
import { outputWidth } from '../../output.ts';
import { wholeNumber } from '../../run-options.ts';
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
    jsonOption,
  ],
  examples: [
    ['cluster eplb --weights loads.json --replicas 16 --groups 4 --nodes 2 --gpus 8', 'the published example'],
  ],
  run: async ({ weights: path, ...options }) => {
    const { gpuLoads, maxOverMean, placeExperts } = await import('../../../cluster/serving/eplb.ts');
    const weights = readWeights(path);
    const gpus = wholeNumber('--gpus', options.gpus);
    const placement = placeExperts(weights, {
      replicas: wholeNumber('--replicas', options.replicas),
      groups: wholeNumber('--groups', options.groups),
      nodes: wholeNumber('--nodes', options.nodes),
      gpus,
    });
    const loads = gpuLoads(weights, placement.physicalToLogical, gpus);
    return {
      json: { ...placement, gpuLoads: loads },
      lines: table(placement, loads.map(maxOverMean), gpus),
    };
  },
});

/** @throws {UserError} for a file that holds something else */
function readWeights(path: string): number[][] {
  const value = readJson(path, 'eplb', 'expected an array of layers, such as [[90, 132], [20, 107]]');
  const isLayer = (layer: unknown) => Array.isArray(layer) && layer.every((load) => typeof load === 'number');
  if (Array.isArray(value) && value.every(isLayer)) return value;
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
