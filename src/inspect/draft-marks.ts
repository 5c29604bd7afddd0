// How the tokens of a text came about where an MTP module drafts.

import type { GeneratedToken } from '../generate/batch/generator.ts';

/**
 * `plain`: the main model chose it, nothing was drafted in its place. `kept`: it was drafted, and the main model
 * agreed, so that it took no pass of its own. `refused`: the main model chose it in place of a draft.
 */
export type DraftMark = 'plain' | 'kept' | 'refused';

export interface MarkedToken {
  readonly id: number;
  /** The text that became certain with it. */
  readonly text: string;
  readonly mark: DraftMark;
  /** What was drafted in its place; null for a plain token. */
  readonly draft: number | null;
}

export interface DraftMarks {
  readonly tokens: readonly MarkedToken[];
  readonly kept: number;
  readonly refused: number;
  /** Passes of the main model that these tokens did not need: one for each draft that was kept. */
  readonly passesSaved: number;
}

/** Marks the tokens of a generation, in the order in which they were reported. */
export function draftMarks(tokens: Iterable<Pick<GeneratedToken, 'id' | 'text' | 'draft'>>): DraftMarks {
  const marked = Array.from(
    tokens,
    ({ id, text, draft }): MarkedToken => ({ id, text, draft, mark: markOf(id, draft) }),
  );
  const count = (wanted: DraftMark) => marked.filter(({ mark }) => mark === wanted).length;
  return { tokens: marked, kept: count('kept'), refused: count('refused'), passesSaved: count('kept') };
}

function markOf(id: number, draft: number | null): DraftMark {
  if (draft === null) return 'plain';
  return draft === id ? 'kept' : 'refused';
}
