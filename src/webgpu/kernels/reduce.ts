/**
 * WGSL of `sumOverLanes(value, lane)`: the sum of a number of each of `size` lanes, which all of them get. The order of
 * the additions is fixed. Every lane of the workgroup must call it.
 */
export const sumOverLanes = (size: number): string => reduction('sumOverLanes', size, (a, b) => `${a} + ${b}`);

/** The same for the largest number. */
export const maxOverLanes = (size: number): string => reduction('maxOverLanes', size, (a, b) => `max(${a}, ${b})`);

function reduction(name: string, size: number, combine: (a: string, b: string) => string): string {
  return `var<workgroup> ${name}Parts: array<f32, ${size}>;
fn ${name}(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  ${name}Parts[lane] = value;
  workgroupBarrier();
  for (var half = ${size / 2}u; half > 0u; half = half / 2u) {
    if (lane < half) { ${name}Parts[lane] = ${combine(`${name}Parts[lane]`, `${name}Parts[lane + half]`)}; }
    workgroupBarrier();
  }
  return ${name}Parts[0];
}`;
}
