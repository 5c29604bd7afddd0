// Multi-token prediction: the loss of each depth, and a text whose tokens were drafted and kept, drafted and refused,
// or written plainly.

import { LinePlot } from '../parts/line-plot.tsx';
import { lastOf } from '../parts/plot.ts';
import { visible } from '../parts/token-strip.tsx';
import { Continuation, type Written } from './continuation.tsx';
import type { Ask, RunView } from './run-view.ts';

export function MultiTokenPrediction({ view, ask }: { view: RunView; ask: Ask }) {
  view.version.value; // drawn again whenever there is something new
  const model = view.facts.value?.model ?? null;
  const depths = model?.numNextnPredictLayers ?? 0;
  if (model !== null && depths === 0) {
    return <p class="empty">This model has no MTP module. Set the number of MTP depths to 1 and start again.</p>;
  }
  const lines = Array.from({ length: depths + 1 }, (_, depth) => ({
    label: depth === 0 ? 'next token' : `${depth + 1} tokens ahead`,
    values: view.losses.values(depth),
    colour: `--curve-${depth + 1}`,
  }));
  return (
    <div class="mtp">
      <figure>
        <figcaption>Loss by depth, in nats per token</figcaption>
        <LinePlot
          steps={view.losses.steps}
          lines={lines}
          marks={view.marks.value}
          label={`Loss now: ${lines.map(({ label, values }) => `${label} ${lastOf(values)?.toFixed(2) ?? 'not known yet'}`).join(', ')}.`}
        />
      </figure>
      <Continuation ask={ask} isReady={model !== null} drafts button="Write with drafts" firstPrompt="The ship">
        {(written, _, prompt) => <DraftedText written={written} prompt={prompt} />}
      </Continuation>
    </div>
  );
}

function DraftedText({ written, prompt }: { written: Written; prompt: string }) {
  const { tokens, forwardPasses, drafted, accepted } = written;
  const share = drafted === 0 ? 0 : accepted / drafted;
  return (
    <>
      <dl class="numbers">
        <div>
          <dt>drafts kept</dt>
          <dd>
            {accepted} of {drafted} ({Math.round(100 * share)} %)
          </dd>
        </div>
        <div>
          <dt>tokens</dt>
          <dd>{tokens.length}</dd>
        </div>
        <div>
          <dt>passes of the model</dt>
          <dd>{forwardPasses}</dd>
        </div>
        <div>
          <dt>passes saved</dt>
          <dd>{Math.max(0, tokens.length - forwardPasses)}</dd>
        </div>
      </dl>
      <p class="drafted-text">
        <span class="prompt">{prompt}</span>
        {tokens.map(({ text, mark, draft }, i) => (
          <span key={i} class={mark} title={titleOf(mark, draft?.text ?? '')}>
            {text}
          </span>
        ))}
      </p>
      <ul class="legend">
        <li>
          <span class="kept">drafted and kept</span>
        </li>
        <li>
          <span class="refused">written in place of a refused draft</span>
        </li>
        <li>
          <span class="plain">plain</span>
        </li>
      </ul>
    </>
  );
}

function titleOf(mark: 'plain' | 'kept' | 'refused', draft: string): string {
  if (mark === 'plain') return 'nothing was drafted here';
  return mark === 'kept' ? 'drafted and kept' : `the draft was “${visible(draft)}”`;
}
