// What the report of a timeline shows. Plain data.

export type SpanKind = 'forward' | 'backward' | 'backwardInput' | 'backwardWeight' | 'overlapped';

export interface Span {
  readonly start: number;
  readonly end: number;
  readonly kind: SpanKind;
  /** Inside the span, where there is room. */
  readonly text: string;
  readonly title: string;
}

/** A rank. */
export interface Lane {
  readonly name: string;
  readonly spans: readonly Span[];
  /** What it holds from a moment on, in the order of time. */
  readonly held: readonly { readonly time: number; readonly value: number }[];
}

export interface TimelineData {
  readonly title: string;
  /** Sentences below the title. */
  readonly notes: readonly string[];
  /** The unit of the times. */
  readonly unit: string;
  /** The unit of what is held. */
  readonly heldUnit: string;
  readonly makespan: number;
  readonly lanes: readonly Lane[];
  /** Rows of label and value, for the table. */
  readonly facts: readonly (readonly [label: string, value: string])[];
}
