// The page as a whole.

import { Data } from './panels/data.tsx';
import { LossCharts } from './panels/loss-charts.tsx';
import { ModelViews } from './panels/model-views.tsx';
import { RunsTable } from './panels/runs-table.tsx';
import { Settings } from './panels/settings.tsx';
import { TakeAway } from './panels/take-away.tsx';
import { Transport } from './panels/transport.tsx';
import { current, notice } from './state/lab.ts';

export function App() {
  return (
    <>
      <header>
        <h1>TinySeek lab</h1>
        <p>DeepSeek-V3 in miniature, trained in this page.</p>
      </header>
      <main>
        <Transport />
        <Messages />
        <div class="charts-and-runs">
          <LossCharts />
          <ModelViews />
          <Sample />
          <RunsTable />
        </div>
        <aside>
          <Settings />
          <Data />
          <TakeAway />
        </aside>
      </main>
    </>
  );
}

function Messages() {
  const all = [...(current.value?.messages.value ?? []), ...(notice.value === '' ? [] : [notice.value])];
  return (
    <div class="messages" role="status">
      {all.map((message) => (
        <p key={message}>{message}</p>
      ))}
    </div>
  );
}

function Sample() {
  const sample = current.value?.sample.value;
  if (sample == null) return null;
  return (
    <section aria-labelledby="sample-title">
      <h2 id="sample-title">What it writes after step {sample.step}</h2>
      <blockquote>{sample.text}</blockquote>
    </section>
  );
}
