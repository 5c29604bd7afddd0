// The reports for programs that may never need one: what draws the charts, the largest part of the package, is loaded
// with the first report.

import type { RunData } from './run-data.ts';
import type { ServingData } from './serving/render-serving.ts';
import type { ArmRuns } from './study/study-charts.ts';
import type { StudyResults } from './study-results.ts';
import type { TimelineData } from './timeline/timeline-data.ts';

/**
 * Renders one HTML document about one run, or about several side by side.
 *
 * Charts without data are left out. Everything that comes from the runs is escaped, and a content security policy lets
 * the page load nothing and run only its own script. Rejects with a UserError without runs.
 */
export async function renderReport(runs: readonly RunData[]): Promise<string> {
  const { renderReport } = await import('./run/render-report.ts');
  return renderReport(runs);
}

/** Renders the HTML document of a study. `runs` are those of `results.arms`, in the same order. */
export async function renderStudy(results: StudyResults, runs: ArmRuns): Promise<string> {
  const { renderStudy } = await import('./study/render-study.ts');
  return renderStudy(results, runs);
}

/** Renders the HTML document of a timeline. */
export async function renderTimeline(data: TimelineData): Promise<string> {
  const { renderTimeline } = await import('./timeline/render-timeline.ts');
  return renderTimeline(data);
}

/** Renders the HTML document of a serving plan. */
export async function renderServing(data: ServingData): Promise<string> {
  const { renderServing } = await import('./serving/render-serving.ts');
  return renderServing(data);
}
