// A text as tokens, of which one is looked at: by pointer, by focus or by the arrow keys.

import { useRef } from 'preact/hooks';

export interface StripToken {
  readonly text: string;
  /** What is written under it. */
  readonly below: string;
  readonly colour: string;
  readonly isMarked: boolean;
  /** What is read aloud after it. */
  readonly label: string;
}

export interface TokenStripProps {
  readonly label: string;
  readonly tokens: readonly StripToken[];
  readonly current: number;
  readonly onCurrent: (token: number) => void;
}

export function TokenStrip({ label, tokens, current, onCurrent }: TokenStripProps) {
  const strip = useRef<HTMLDivElement>(null);
  const go = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: current - 1,
      ArrowRight: current + 1,
      Home: 0,
      End: tokens.length - 1,
    };
    const to = steps[event.key];
    if (to === undefined || to < 0 || to >= tokens.length) return;
    event.preventDefault();
    onCurrent(to);
    strip.current?.querySelectorAll('button')[to]?.focus();
  };
  return (
    <div ref={strip} class="token-strip" role="toolbar" aria-label={label} onKeyDown={go}>
      {tokens.map(({ text, below, colour, isMarked, label: spoken }, i) => (
        <button
          key={i}
          type="button"
          class={isMarked ? 'token marked' : 'token'}
          tabIndex={i === current ? 0 : -1}
          aria-pressed={i === current}
          aria-description={spoken}
          style={{ '--token-colour': colour }}
          onClick={() => onCurrent(i)}
          onFocus={() => onCurrent(i)}
          onPointerEnter={() => onCurrent(i)}
        >
          <span>{visible(text)}</span>
          <small>{below}</small>
        </button>
      ))}
    </div>
  );
}

/** Spaces and line breaks as signs, where a token begins or ends with them. */
export function visible(text: string): string {
  return text.replaceAll('\n', '↵').replaceAll('\t', '⇥').replace(/^ | $/g, '\u00b7');
}
