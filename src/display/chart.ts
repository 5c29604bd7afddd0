// Charts as plain data, for notebooks and terminals. What a chart looks like is not decided here.

interface Labels {
  readonly title: string;
  /** What the horizontal axis counts. */
  readonly x: string;
  /** What the vertical axis measures, with its unit. */
  readonly y: string;
}

/** Curves over the same axis. */
export interface LinesChart extends Labels {
  readonly kind: 'lines';
  /** Values by the name of their curve, the first one at `x` = 1; or pairs of x and y. */
  readonly series: Readonly<Record<string, readonly number[] | readonly (readonly [x: number, y: number])[]>>;
  /** Whether the vertical axis is logarithmic; all values must be positive then. */
  readonly isLogarithmic?: boolean;
}

/** A bar for each name. */
export interface BarsChart extends Labels {
  readonly kind: 'bars';
  readonly values: Readonly<Record<string, number>>;
}

/** A grid of cells, the darker the larger their value. */
export interface GridChart extends Labels {
  readonly kind: 'grid';
  /** [rows][columns]; at least 0. */
  readonly values: readonly (readonly number[])[];
  /** Names of the rows; absent: their numbers, from 0. */
  readonly rows?: readonly string[];
  /** Names of the columns; absent: their numbers, from 0. */
  readonly columns?: readonly string[];
  /** The value of the darkest colour; absent: the largest one. */
  readonly darkest?: number;
}

/** What {@link display} shows. */
export type Chart = LinesChart | BarsChart | GridChart;

/** A point of a curve. */
export interface CurvePoint {
  readonly series: string;
  readonly x: number;
  readonly y: number;
}

/** The points of each curve, in order. */
export function curvesOf({ series }: LinesChart): readonly (readonly CurvePoint[])[] {
  return Object.entries(series).map(([name, values]) =>
    values.map((value, i) =>
      typeof value === 'number' ? { series: name, x: i + 1, y: value } : { series: name, x: value[0], y: value[1] },
    ),
  );
}

/** Names of a grid's rows and columns. */
export function gridNames(chart: GridChart): { readonly rows: readonly string[]; readonly columns: readonly string[] } {
  const width = Math.max(0, ...chart.values.map((row) => row.length));
  return {
    rows: chart.rows ?? chart.values.map((_, i) => String(i)),
    columns: chart.columns ?? Array.from({ length: width }, (_, i) => String(i)),
  };
}

/** The value of a grid's darkest colour. */
export function darkestOf({ values, darkest }: GridChart): number {
  return darkest ?? Math.max(...values.flat(), Number.MIN_VALUE);
}

/** A number in four digits, or as a whole one from 100,000 on. */
export function shortNumber(value: number): string {
  return Math.abs(value) >= 1e5 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(4)));
}
