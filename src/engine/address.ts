// Where something is in the engine's memory, as a type of its own: a count in the place of an address does not compile.

declare const isAddress: unique symbol;

/** A byte of the memory. `usize` in AssemblyScript. */
export type Address = number & { readonly [isAddress]: true };

/** What the module takes for a tensor that is not there. */
export const nowhere = 0 as Address;

/** So many bytes further on. */
export const plus = (address: Address, bytes: number): Address => (address + bytes) as Address;
