// Finds charts in the HTML of a report.

/** The figures of a report by the name of their chart. */
export function figuresOf(source: string): Map<string, string> {
  const figures = [...source.matchAll(/<figure [^>]*data-chart="([^"]*)"[\s\S]*?<\/figure>/g)];
  return new Map(figures.map(([figure, name = '']) => [name, figure]));
}
