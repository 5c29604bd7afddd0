// Where the tokens of a layer went, step by step: the load of each expert over time.

import type { RouterHistory } from 'tinyseek/more';
import { HeatMap } from '../parts/heat-map.tsx';
import { type Mark, marksText } from './run-view.ts';

export interface LoadOverTimeProps {
  readonly history: RouterHistory;
  readonly layer: number;
  /** The run and the layer, as the caption calls them. */
  readonly name: string;
  readonly marks: readonly Mark[];
  /** A bin that is framed. */
  readonly cursor?: number | null;
  readonly onPick?: (bin: number) => void;
}

export function LoadOverTime({ history, layer, name, marks, cursor = null, onPick }: LoadOverTimeProps) {
  const { steps } = history;
  const loads = history.loads(layer);
  const E = loads.length / steps.length;
  return (
    <figure>
      <figcaption>{name}: load of each expert over time</figcaption>
      <HeatMap
        values={transpose(loads, steps.length, E)}
        rows={E}
        columns={steps.length}
        scale="load"
        rowHeight={Math.max(5, Math.min(14, 224 / E))}
        rowLabels={[`expert 0`, `expert ${E - 1}`]}
        ends={[`step ${steps[0]}`, `step ${steps.at(-1)}`]}
        marks={marks.map(({ step }) => binAfter(steps, step))}
        cursor={cursor}
        label={`The load of the experts of ${name} from step ${steps[0]} to ${steps.at(-1)}. ${marksText(marks)}`}
        describe={(expert, column, load) =>
          `step ${steps[column]}, expert ${expert}: ${load.toFixed(2)} times the mean`
        }
        {...(onPick === undefined ? {} : { onPick: (_: number, column: number) => onPick(column) })}
      />
      <MarkList marks={marks} />
    </figure>
  );
}

function MarkList({ marks }: { marks: readonly Mark[] }) {
  if (marks.length === 0) return null;
  return (
    <ul class="marks">
      {marks.slice(-4).map(({ step, text }) => (
        <li key={`${step} ${text}`}>
          <b>step {step}</b> {text}
        </li>
      ))}
    </ul>
  );
}

/** [rows, columns] -> [columns, rows]. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** The first bin that has only steps after `step`. */
function binAfter(steps: Float64Array, step: number): number {
  const at = steps.findIndex((end) => end > step);
  return at === -1 ? steps.length : at;
}
