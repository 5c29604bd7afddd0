// The cluster: what ranks of a pipeline do and when, and how busy GPUs are that share the experts. Both are simulated
// in the page; nothing here trains.

import type { RunView } from '../run-view.ts';
import { ExpertPlacement } from './expert-placement.tsx';
import { Pipelines } from './pipelines.tsx';

export function Cluster({ view }: { view: RunView }) {
  return (
    <div class="cluster">
      <Pipelines />
      <ExpertPlacement view={view} />
    </div>
  );
}
