// The curves of up to three runs: losses, bits per byte, speed.

import { Chart, type Curve } from '../parts/chart.tsx';
import { current, shownRuns } from '../state/lab.ts';
import type { LabRun } from '../state/lab-run.ts';

const colours = ['--curve-1', '--curve-2', '--curve-3'];

export function LossCharts() {
  const shown = shownRuns.value;
  for (const run of shown) run.version.value; // drawn again whenever there is something new
  if (shown.length === 0) return <p class="empty">Press Train: the curves move within seconds.</p>;
  const marks = current.value?.marks.value ?? [];
  const each = (make: (run: LabRun, colour: string) => readonly Curve[]) =>
    shown.flatMap((run, i) => make(run, colours[i]!));
  const depths = shown[0]!.last.peek()?.mtpLoss.length ?? 0;
  const losses = each(({ name, losses: series }, colour) => [
    { label: name, steps: series.steps, values: series.values(0), colour },
  ]);
  const mtp = each(({ name, losses: series, last }, colour) =>
    (last.peek()?.mtpLoss ?? []).map((_, depth) => {
      return { label: `${name}, depth ${depth + 1}`, steps: series.steps, values: series.values(depth + 1), colour };
    }),
  );
  const heldOut = each(({ name, evaluations }, colour) => [
    {
      label: name,
      steps: Float64Array.from(evaluations.value, ({ step }) => step),
      values: Float64Array.from(evaluations.value, ({ bitsPerByte }) => bitsPerByte),
      colour,
    },
  ]);
  const trained = each((run, colour) => {
    const values = run.losses.values(0).map((loss) => loss / Math.LN2 / (run.facts.value?.bytesPerToken ?? 1));
    return [{ label: `${run.name}, training text`, steps: run.losses.steps, values, colour, isDashed: true }];
  });
  const speed = each(({ name, speeds }, colour) => [
    { label: name, steps: speeds.steps, values: speeds.values(0), colour },
  ]);
  const heldOutCurves = heldOut.map((curve) => ({ ...curve, label: `${curve.label}, held out` }));
  return (
    <div class="charts">
      <Chart title="Loss, nats per token" curves={losses} marks={marks} />
      {depths > 0 && <Chart title="Loss of multi-token prediction" curves={mtp} marks={marks} />}
      <Chart title="Bits per byte" curves={[...heldOutCurves, ...trained]} marks={marks} />
      <Chart title="Tokens a second" curves={speed} marks={marks} digits={0} />
    </div>
  );
}
