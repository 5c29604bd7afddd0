// Multi-head latent attention: what the cache takes while the model writes, beside what other kinds of attention would
// keep, and where a head looks.

import { useState } from 'preact/hooks';
import type { ModelConfig } from 'tinyseek/core';
import { cacheBytes } from 'tinyseek/more';
import { HeatMap } from '../parts/heat-map.tsx';
import { visible } from '../parts/token-strip.tsx';
import { Continuation } from './continuation.tsx';
import { layerName } from './layer-name.ts';
import type { Ask, RunView } from './run-view.ts';
import { useAnswer } from './use-answer.ts';

export function LatentAttention({ view, ask }: { view: RunView; ask: Ask }) {
  const model = view.facts.value?.model ?? null;
  return (
    <div class="mla">
      <Continuation ask={ask} isReady={model !== null} drafts={false} button="Write" firstPrompt="The sea">
        {(written, _, prompt) => (
          <>
            {model !== null && <CacheBars model={model} tokens={written.promptTokens + written.tokens.length} />}
            <p class="drafted-text">
              <span class="prompt">{prompt}</span>
              {written.tokens.map(({ text }) => text).join('')}
            </p>
          </>
        )}
      </Continuation>
      {model !== null && <AttentionMap model={model} ask={ask} />}
    </div>
  );
}

function CacheBars({ model, tokens }: { model: ModelConfig; tokens: number }) {
  const { mla, mha, gqa, mqa, gqaGroups } = cacheBytes(model, tokens);
  const kinds: readonly (readonly [string, number])[] = [
    ['MLA, this model', mla],
    ['MQA, 1 key head', mqa],
    [`GQA, ${gqaGroups} key heads`, gqa],
    [`MHA, ${model.numAttentionHeads} key heads`, mha],
  ];
  return (
    <figure>
      <figcaption>Cache after {tokens} tokens</figcaption>
      <table class="bars">
        <tbody>
          {kinds.map(([kind, bytes], i) => (
            <tr key={kind} class={i === 0 ? 'own' : ''}>
              <th scope="row">{kind}</th>
              <td class="bar">
                <i style={{ width: `${(100 * bytes) / mha}%` }} />
              </td>
              <td>{bytes.toLocaleString('en-GB')} bytes</td>
              <td>{i === 0 ? '' : `${(bytes / mla).toFixed(1)} ×`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

function AttentionMap({ model, ask }: { model: ModelConfig; ask: Ask }) {
  const [text, setText] = useState('The captain saw the whale, and the whale saw the captain.');
  const [layer, setLayer] = useState(0);
  const [head, setHead] = useState(0);
  const { answer, error, put } = useAnswer<'attention'>(ask);
  const look = (changes: { readonly layer?: number; readonly head?: number } = {}) =>
    void put({ kind: 'attention', text, layer, head, ...changes });
  const layers = Array.from({ length: model.numHiddenLayers + model.numNextnPredictLayers }, (_, i) => i);
  const heads = Array.from({ length: model.numAttentionHeads }, (_, i) => i);
  return (
    <figure>
      <figcaption>Where a head looks</figcaption>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          look();
        }}
      >
        <label>
          Text to read
          <textarea rows={2} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <div class="sampling">
          <label>
            Layer
            <select
              value={String(layer)}
              onChange={(event) => {
                const to = Number(event.currentTarget.value);
                setLayer(to);
                look({ layer: to });
              }}
            >
              {layers.map((of) => (
                <option key={of} value={of}>
                  {layerName(model, of)}
                </option>
              ))}
            </select>
          </label>
          <label>
            Head
            <select
              value={String(head)}
              onChange={(event) => {
                const to = Number(event.currentTarget.value);
                setHead(to);
                look({ head: to });
              }}
            >
              {heads.map((of) => (
                <option key={of} value={of}>
                  {of}
                </option>
              ))}
            </select>
          </label>
        </div>
        <button type="submit">Look</button>
      </form>
      {error !== null && <p class="error">{error}</p>}
      {answer !== null && (
        <HeatMap
          values={answer.weights}
          rows={answer.positions}
          columns={answer.positions}
          scale="share"
          rowHeight={Math.max(3, Math.min(14, 420 / answer.positions))}
          rowLabels={
            answer.positions <= 40
              ? answer.tokens.slice(0, answer.positions).map(({ text }, i) => `${visible(text)}\u200b${i}`)
              : []
          }
          ends={[visible(answer.tokens[0]!.text), visible(answer.tokens[answer.positions - 1]!.text)]}
          label={`Attention of head ${head} of ${layerName(model, layer)} over ${answer.positions} tokens: each row is a token that looks, each column one that it looks at.`}
          describe={(row, column, weight) =>
            column > row
              ? 'a token sees only what is before it'
              : `“${visible(answer.tokens[row]!.text)}” looks at “${visible(answer.tokens[column]!.text)}”: ${(100 * weight).toFixed(1)} %`
          }
        />
      )}
    </figure>
  );
}
