// What the model writes and answers as it trains: a text carried on, or a conversation.

import { useState } from 'preact/hooks';
import { conversationText, turnHeading } from 'tinyseek/more';
import { Continuation } from './continuation.tsx';
import type { Ask, RunView } from './run-view.ts';
import { useAnswer } from './use-answer.ts';

export function Writing({ view, ask }: { view: RunView; ask: Ask }) {
  const isReady = view.facts.value !== null;
  return (
    <div class="writing">
      <Continuation ask={ask} isReady={isReady} drafts={false} button="Write on" firstPrompt="It was">
        {({ tokens }, isWriting, prompt) => (
          <p class="drafted-text" aria-busy={isWriting}>
            <span class="prompt">{prompt}</span>
            {tokens.map(({ text }) => text).join('')}
          </p>
        )}
      </Continuation>
      <Chat ask={ask} isReady={isReady} />
    </div>
  );
}

interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** A conversation as a transcript: a model that was only trained on text has seen no other form. */
function Chat({ ask, isReady }: { ask: Ask; isReady: boolean }) {
  const [messages, setMessages] = useState<readonly Message[]>([]);
  const [said, setSaid] = useState('');
  const { answer, isWaiting, error, put, end } = useAnswer<'continuation'>(ask);
  const textOf = (written: typeof answer) =>
    written?.tokens
      .map(({ text }) => text)
      .join('')
      .trim() ?? '';
  const say = async () => {
    const asked: readonly Message[] = [...messages, { role: 'user', content: said }];
    setMessages(asked);
    setSaid('');
    const prompt = conversationText([...asked, { role: 'assistant', content: '' }]);
    const sampling = { temperature: 0.8, topP: 1, seed: asked.length };
    const stop = [`\n\n${turnHeading('user')}`];
    const written = await put({ kind: 'continuation', prompt, maxNewTokens: 80, ...sampling, drafts: false, stop });
    if (written !== null) setMessages([...asked, { role: 'assistant', content: textOf(written) }]);
  };
  return (
    <section class="chat" aria-label="Conversation">
      <ol aria-live="polite">
        {messages.map(({ role, content }, i) => (
          <li key={i} class={role}>
            {content || '(nothing)'}
          </li>
        ))}
        {isWaiting && <li class="assistant">{textOf(answer)} …</li>}
      </ol>
      {error !== null && <p class="error">{error}</p>}
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          if (isWaiting) end();
          else if (said.trim() !== '') void say();
        }}
      >
        <label>
          Say something
          <input type="text" value={said} onInput={(event) => setSaid(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={!isReady}>
          {isWaiting ? 'Stop' : 'Say it'}
        </button>
      </form>
    </section>
  );
}
