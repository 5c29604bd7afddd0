// What the process of a study and the processes of its runs tell each other.

import type { StudySize } from './settings.ts';

/** The only argument of the process of an arm or of a preparation, as JSON. */
export interface ArmOrder {
  /** Name or path of the study. */
  readonly source: string;
  readonly size: StudySize;
  /** The name of the arm; null: what the study prepares for all of them. */
  readonly arm: string | null;
  readonly seed: number;
  readonly runDir: string;
  /** The folder of what was prepared for this seed. */
  readonly sharedDir: string;
}

export type ArmMessage =
  | { readonly type: 'step'; readonly step: number; readonly loss: number; readonly secondsLeft: number }
  /** How far a procedure is: a share from 0 to 1. */
  | { readonly type: 'progress'; readonly share: number; readonly doing: string }
  | { readonly type: 'warning'; readonly message: string }
  /** The run is whole and measured, or was stopped as asked. */
  | { readonly type: 'end'; readonly finished: boolean }
  /** `isUserError` means that the user can put it right. */
  | { readonly type: 'failed'; readonly message: string; readonly isUserError: boolean };

/** The message that makes an arm's process end its run after the current step, with a checkpoint. */
export const stopMessage = 'stop';
