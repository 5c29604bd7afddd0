// `tinyseek params`: what a model of this shape holds and costs.

import { countParameters } from '../../config/counts.ts';
import { resolveOptions } from '../config-file.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import type { ModelOptions } from '../run-options.ts';
import { formatCount, formatExact } from '../terminal/format.ts';
import { formatTable } from '../terminal/table.ts';

/** Counts without building anything. */
export async function params(options: ModelOptions): Promise<CommandOutput> {
  const { preset, model, train } = resolveOptions(options);
  const counts = countParameters(model, train.seqLen);
  const { kvCacheElementsPerTokenPerLayer: latent, mhaCacheElementsPerTokenPerLayer: full } = counts;
  const row = (label: string, value: number, note = '') => [label, formatExact(value), note];
  const rounded = (label: string, value: number) => row(label, value, value < 1000 ? '' : formatCount(value));
  const rows = [
    rounded('Parameters', counts.total),
    rounded('  active per token', counts.active),
    rounded('  active, without the embedding', counts.activeWithoutEmbedding),
    rounded('  more in the MTP modules', counts.mtp),
    row('Cache, numbers per token and layer', latent),
    row('  with multi-head attention', full, `${(full / latent).toPrecision(3)} times as many`),
    rounded(`Training FLOPs per token, length ${train.seqLen}`, counts.flopsPerToken),
  ];
  return { json: counts, lines: [`Preset ${preset}`, '', ...formatTable(rows, outputWidth(), [1])] };
}
