// Comparisons of whole numbers, and truth values as numbers: masks, which are small, so one thread does.

/** Whether words are equal, as bytes of 0 or 1. */
export function equalWords(a: usize, b: usize, out: usize, size: i32): void {
  for (let i: usize = 0; i < <usize>size; i++) {
    store<u8>(out + i, <u8>(load<i32>(a + (i << 2)) == load<i32>(b + (i << 2))));
  }
}

/** Bytes of 0 or 1 as float32. */
export function truthAsFloat(x: usize, y: usize, size: i32): void {
  for (let i: usize = 0; i < <usize>size; i++) store<f32>(y + (i << 2), <f32>load<u8>(x + i));
}
