// `tinyseek import`: another program's folder as a checkpoint of ours.

import { importModel } from '../../interchange/import-model.ts';
import { invocation, shellWord } from '../invocation.ts';
import { warn } from '../open-model.ts';
import type { CommandOutput } from '../output.ts';
import { formatCount } from '../terminal/format.ts';

/** Imports the folder `source` as the checkpoint `out`. */
export function importFolder(source: string, out: string): CommandOutput {
  const { parameters, bytes, files, warnings, config } = importModel(source, out);
  warn(warnings);
  const mtp = config.numNextnPredictLayers;
  return {
    json: { out, parameters, bytes, mtpLayers: mtp, files },
    lines: [
      `Wrote ${out}: ${formatCount(parameters)} parameters, ${mtp === 0 ? 'no MTP module' : `MTP depth ${mtp}`}, F32`,
      'Try it:',
      { command: `${invocation()} score ${shellWord(out)} --text 'Once upon a time'` },
    ],
  };
}
