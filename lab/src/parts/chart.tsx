// Curves of several runs in one chart: steps to the right, a dashed line at each change of the settings.

import uPlot from 'uplot';
import { lastOf, usePlot } from './plot.ts';

export interface Curve {
  readonly label: string;
  readonly steps: Float64Array;
  readonly values: Float64Array;
  /** A custom property with a colour. */
  readonly colour: string;
  readonly isDashed?: boolean;
}

export interface ChartProps {
  readonly title: string;
  readonly curves: readonly Curve[];
  readonly marks?: readonly number[];
  readonly digits?: number;
}

const height = 190;

export function Chart({ title, curves, marks = [], digits = 3 }: ChartProps) {
  const shape = curves.map(({ label, colour }) => `${label} ${colour}`).join('|');
  const place = usePlot(shape, height, (style) => ({
    series: curves.map(({ colour, isDashed = false }) => ({
      ...{ stroke: style.getPropertyValue(colour).trim(), width: 2, spanGaps: true, points: { show: false } },
      dash: isDashed ? [6, 4] : [],
    })),
    data: dataOf(curves),
    marks,
  }));
  const last = ({ values }: Curve) => lastOf(values)?.toFixed(digits) ?? '–';
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div
        ref={place}
        role="img"
        aria-label={`${title}: ${curves.map((c) => `${c.label} now ${last(c)}`).join(', ')}`}
      />
      <ul class="legend">
        {curves.map((curve) => (
          <li key={curve.label}>
            <i class={curve.isDashed ? 'dashed' : ''} style={{ borderColor: `var(${curve.colour})` }} />
            {curve.label} <b>{last(curve)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function dataOf(curves: readonly Curve[]): uPlot.AlignedData {
  if (curves.length === 0) return [[]];
  return uPlot.join(curves.map(({ steps, values }) => [steps, values] as unknown as uPlot.AlignedData));
}
