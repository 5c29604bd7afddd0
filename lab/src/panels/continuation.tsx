// A text that the model writes, token by token, and the controls of its sampling. Three panels show one: as a text, by
// how its tokens were drafted, and by what its cache takes.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Answer } from '../questions.ts';
import type { Ask } from './run-view.ts';
import { useAnswer } from './use-answer.ts';

export type Written = Extract<Answer, { readonly kind: 'continuation' }>;

export interface ContinuationProps {
  readonly ask: Ask;
  readonly isReady: boolean;
  readonly drafts: boolean;
  readonly button: string;
  readonly firstPrompt: string;
  readonly children: (written: Written, isWriting: boolean, prompt: string) => ComponentChildren;
}

export function Continuation({ ask, isReady, drafts, button, firstPrompt, children }: ContinuationProps) {
  const [prompt, setPrompt] = useState(firstPrompt);
  const [writtenFrom, setWrittenFrom] = useState(firstPrompt);
  const [temperature, setTemperature] = useState(0.8);
  const [length, setLength] = useState(80);
  const [seed, setSeed] = useState(1);
  const { answer, isWaiting, error, put, end } = useAnswer<'continuation'>(ask);
  const write = () => {
    setWrittenFrom(prompt);
    setSeed(seed + 1);
    const sampling = { temperature, topP: 1, seed };
    void put({ kind: 'continuation', prompt, maxNewTokens: length, ...sampling, drafts, stop: [] });
  };
  return (
    <div class="continuation">
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          if (isWaiting) end();
          else write();
        }}
      >
        <label>
          Beginning of the text
          <textarea rows={2} value={prompt} onInput={(event) => setPrompt(event.currentTarget.value)} />
        </label>
        <div class="sampling">
          <label>
            <span>
              Temperature <b class="value">{temperature.toFixed(1)}</b>
            </span>
            <input
              type="range"
              min={0}
              max={1.5}
              step={0.1}
              value={temperature}
              onInput={(event) => setTemperature(Number(event.currentTarget.value))}
            />
          </label>
          <label>
            <span>
              Tokens <b class="value">{length}</b>
            </span>
            <input
              type="range"
              min={10}
              max={200}
              step={10}
              value={length}
              onInput={(event) => setLength(Number(event.currentTarget.value))}
            />
          </label>
        </div>
        <button type="submit" disabled={!isReady}>
          {isWaiting ? 'Stop' : button}
        </button>
      </form>
      {error !== null && <p class="error">{error}</p>}
      {answer !== null && children(answer, isWaiting, writtenFrom)}
    </div>
  );
}
