// Lines over the steps of a run, with a dashed line at each change of the settings.

import type { Mark } from '../panels/run-view.ts';
import { lastOf, usePlot } from './plot.ts';

export interface Line {
  readonly label: string;
  readonly values: Float64Array;
  /** A colour, or the name of a custom property with one. */
  readonly colour: string;
}

export interface LinePlotProps {
  readonly steps: Float64Array;
  readonly lines: readonly Line[];
  readonly marks: readonly Mark[];
  /** What the chart shows, and what there is to see in it now: read aloud in place of the picture. */
  readonly label: string;
  readonly height?: number;
  readonly digits?: number;
  /** Whether there is a list of the lines with their last values. */
  readonly legend?: boolean;
}

export function LinePlot({ steps, lines, marks, label, height = 150, digits = 3, legend = true }: LinePlotProps) {
  const shape = lines.map(({ label, colour }) => `${label}:${colour}`).join('|');
  const place = usePlot(shape, height, (style) => ({
    series: lines.map(({ colour }) => ({ stroke: colourOf(colour, style), width: 1.5, points: { show: false } })),
    data: [steps, ...lines.map(({ values }) => values)],
    marks: marks.map(({ step }) => step),
  }));
  return (
    <div class="line-plot">
      <div ref={place} role="img" aria-label={label} />
      {legend && (
        <ul class="legend">
          {lines.map(({ label, values, colour }) => (
            <li key={label}>
              <i style={{ borderTopColor: colour.startsWith('--') ? `var(${colour})` : colour }} />
              {label} <b>{lastOf(values)?.toFixed(digits) ?? '–'}</b>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** A custom property's colour, or the colour itself. */
function colourOf(colour: string, style: CSSStyleDeclaration): string {
  return colour.startsWith('--') ? style.getPropertyValue(colour).trim() || style.color : colour;
}
