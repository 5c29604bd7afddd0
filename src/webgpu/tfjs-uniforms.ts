import type { TfjsUniforms } from './tfjs-backend.ts';

/** How vectors of so many numbers are aligned. */
const alignments = [4, 4, 8, 16, 16, 16, 16];

/** The bytes of TF.js's uniforms, laid out as a WGSL structure of scalars, vectors and its own vectors of 5 and 6. */
export function tfjsUniformBytes(list: TfjsUniforms): ArrayBuffer {
  let end = 0;
  let previous = 0;
  const fields = list.map(({ type, data }) => {
    const values = data.length === 0 ? [1] : data;
    const align = previous >= 5 ? 16 : alignments[values.length]!;
    const offset = Math.ceil(end / align) * align;
    end = offset + values.length * 4;
    previous = values.length;
    return { type, values, offset };
  });
  const bytes = new ArrayBuffer(Math.ceil(end / 16) * 16);
  for (const { type, values, offset } of fields) {
    const View = type === 'float32' ? Float32Array : type === 'uint32' ? Uint32Array : Int32Array;
    new View(bytes, offset, values.length).set(values);
  }
  return bytes;
}
