// What the model of the current run shows: one view at a time, chosen by tabs.

import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ask, change, current, shownRuns, startVariation } from '../state/lab.ts';
import { BreakIt } from './break-it.tsx';
import { Cluster } from './cluster/cluster.tsx';
import { LatentAttention } from './latent-attention.tsx';
import { MultiTokenPrediction } from './multi-token-prediction.tsx';
import { RouterDashboard } from './router-dashboard.tsx';
import { RunView } from './run-view.ts';
import { TokenInspector } from './token-inspector.tsx';
import { Writing } from './writing.tsx';

/** What is shown before there is a run. */
const nothing = new RunView();

const names = ['Router', 'Tokens', 'MTP', 'MLA', 'Writing', 'Break it', 'Cluster'] as const;
type Name = (typeof names)[number];

export function ModelViews() {
  const [name, setName] = useState<Name>('Router');
  const tabs = useRef<HTMLDivElement>(null);
  const run = current.value;
  const view = run?.view ?? nothing;
  const isLive = run !== null && ['going', 'held'].includes(run.status.value);
  const content: Readonly<Record<Name, () => ComponentChildren>> = {
    Router: () => (
      <RouterDashboard
        view={view}
        others={shownRuns.value.filter((other) => other !== run)}
        isLive={isLive}
        onChange={change}
      />
    ),
    Tokens: () => <TokenInspector view={view} ask={ask} />,
    MTP: () => <MultiTokenPrediction view={view} ask={ask} />,
    MLA: () => <LatentAttention view={view} ask={ask} />,
    Writing: () => <Writing view={view} ask={ask} />,
    'Break it': () => (
      <BreakIt view={view} active={run?.request.bugs ?? []} onStart={(to) => void startVariation(to)} />
    ),
    Cluster: () => <Cluster view={view} />,
  };
  const turn = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const at = (names.indexOf(name) + by + names.length) % names.length;
    setName(names[at]!);
    tabs.current?.querySelectorAll('button')[at]?.focus();
  };
  return (
    <section class="model-views" aria-label="What the model shows">
      <div ref={tabs} class="tabs" role="tablist" aria-label="Views of the model" onKeyDown={turn}>
        {names.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            id={`tab-${one}`}
            aria-selected={one === name}
            aria-controls="model-view"
            tabIndex={one === name ? 0 : -1}
            onClick={() => setName(one)}
          >
            {one}
          </button>
        ))}
      </div>
      <div id="model-view" role="tabpanel" aria-labelledby={`tab-${name}`} key={`${run?.request.runId} ${name}`}>
        {content[name]()}
      </div>
    </section>
  );
}
