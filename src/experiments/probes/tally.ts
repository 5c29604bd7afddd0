// Counts that are added up over batches before they become a share.

/** How many of some cases were right. */
export interface Tally {
  readonly right: number;
  readonly all: number;
}

export const none: Tally = { right: 0, all: 0 };

export const add = (a: Tally, b: Tally): Tally => ({ right: a.right + b.right, all: a.all + b.all });
