// A question that a panel asks the worker: its answer so far, whether it is still coming, and what went wrong.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Answer, Question } from '../questions.ts';
import type { Ask } from './run-view.ts';

export interface Asked<A> {
  readonly answer: A | null;
  readonly isWaiting: boolean;
  readonly error: string | null;
}

/** `put` asks, and ends a question that is still being answered; `end` only does the latter. */
export function useAnswer<K extends Question['kind']>(ask: Ask) {
  type A = Extract<Answer, { readonly kind: K }>;
  const [asked, setAsked] = useState<Asked<A>>({ answer: null, isWaiting: false, error: null });
  const current = useRef<AbortController | null>(null);
  const end = () => current.current?.abort();
  useEffect(() => end, []);
  const put = async (question: Extract<Question, { readonly kind: K }>): Promise<A | null> => {
    end();
    const own = new AbortController();
    current.current = own;
    const isMine = () => current.current === own;
    setAsked(({ answer }) => ({ answer, isWaiting: true, error: null }));
    try {
      const take = (answer: A) => isMine() && setAsked({ answer, isWaiting: true, error: null });
      const answer = await ask<K>(question, take, own.signal);
      if (isMine()) setAsked({ answer, isWaiting: false, error: null });
      return answer;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (isMine()) setAsked({ answer: null, isWaiting: false, error: message });
      return null;
    }
  };
  return { ...asked, put, end };
}
