// The token inspector: a text of the user's, each token coloured by its first expert, layer by layer, before and after
// the bias; and for one token all affinities, biases and gates.

import { useEffect, useState } from 'preact/hooks';
import type { LayerRouting } from 'tinyseek/more';
import type { TextToken } from '../questions.ts';
import { TokenStrip } from '../parts/token-strip.tsx';
import { ExpertTable } from './expert-table.tsx';
import { expertColour } from './expert-colour.ts';
import { layerName } from './layer-name.ts';
import type { Ask, RunView } from './run-view.ts';
import { useAnswer } from './use-answer.ts';

const firstText = 'The whale is a fish, said the sailor; 12 + 30 = 42.';

export function TokenInspector({ view, ask }: { view: RunView; ask: Ask }) {
  const [text, setText] = useState(firstText);
  const [at, setAt] = useState(0);
  const [wantedToken, setToken] = useState(1);
  const [isBiased, setBiased] = useState(true);
  const { answer, isWaiting, error, put } = useAnswer<'routing'>(ask);
  const model = view.facts.value?.model ?? null;
  const isReady = model !== null;
  const inspect = () => void put({ kind: 'routing', text });
  // A new model is looked at at once.
  useEffect(() => {
    if (isReady) inspect();
  }, [view, isReady]);
  const layer = answer?.layers[Math.min(at, answer.layers.length - 1)];
  return (
    <div class="token-inspector">
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          inspect();
        }}
      >
        <label>
          Text to look at
          <textarea rows={2} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={!isReady}>
          {answer === null ? 'Look at it' : `Look again${isWaiting ? ' …' : ''}`}
        </button>
      </form>
      {error !== null && <p class="error">{error}</p>}
      {answer !== null && answer.layers.length === 0 && <p class="empty">This model has no layers with experts.</p>}
      {answer !== null && layer !== undefined && model !== null && (
        <>
          <div class="scrubber">
            <label>
              <span>
                Layer: <b class="value">{layerName(model, layer.layer)}</b>
              </span>
              <input
                type="range"
                min={0}
                max={answer.layers.length - 1}
                value={at}
                aria-valuetext={layerName(model, layer.layer)}
                onInput={(event) => setAt(Number(event.currentTarget.value))}
              />
            </label>
            <label class="switch">
              <input type="checkbox" checked={isBiased} onChange={(event) => setBiased(event.currentTarget.checked)} />
              with the bias
            </label>
          </div>
          <RoutedText
            tokens={answer.tokens}
            layer={layer}
            isBiased={isBiased}
            token={Math.min(wantedToken, layer.positions - 1)}
            onToken={setToken}
          />
          {answer.total > answer.tokens.length && (
            <p class="note">
              The model reads the first {answer.tokens.length} of {answer.total} tokens.
            </p>
          )}
          <ExpertTable
            layer={layer}
            token={Math.min(wantedToken, layer.positions - 1)}
            text={answer.tokens[Math.min(wantedToken, layer.positions - 1)]!.text}
          />
        </>
      )}
    </div>
  );
}

interface RoutedTextProps {
  readonly tokens: readonly TextToken[];
  readonly layer: LayerRouting;
  readonly isBiased: boolean;
  readonly token: number;
  readonly onToken: (token: number) => void;
}

function RoutedText({ tokens, layer, isBiased, token, onToken }: RoutedTextProps) {
  const { positions, chosen, chosenWithoutBias, gates } = layer;
  const K = chosen.length / positions;
  const shown = tokens.slice(0, positions).map(({ text }, i) => {
    const [first, without] = [chosen[i * K]!, chosenWithoutBias[i * K]!];
    const expert = isBiased ? first : without;
    const gate = isBiased ? `, gate ${gates[i * K]!.toFixed(2)}` : '';
    return {
      text,
      below: String(expert),
      colour: expertColour(expert),
      isMarked: isBiased && first !== without,
      label: `${JSON.stringify(text)}: expert ${expert}${gate}${first === without ? '' : `, without the bias ${without}`}`,
    };
  });
  const moved = shown.filter(({ isMarked }) => isMarked).length;
  return (
    <>
      <TokenStrip
        label="Tokens, each with its first expert; the arrow keys move between them"
        tokens={shown}
        current={token}
        onCurrent={onToken}
      />
      <p class="note" role="status">
        {isBiased
          ? `The bias gives ${moved} of ${positions} tokens another first expert than their affinity would (underlined).`
          : 'Where the tokens would go by their affinity alone.'}
      </p>
    </>
  );
}
