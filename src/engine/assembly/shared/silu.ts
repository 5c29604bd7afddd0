// silu(x) = x * sigmoid(x), of which kernels need the slope.

/** The derivative of silu at `x`, where its sigmoid is `s`. */
@inline
export function siluSlope4(x: v128, s: v128): v128 {
  return f32x4.mul(s, f32x4.add(f32x4.splat(1), f32x4.mul(x, f32x4.sub(f32x4.splat(1), s))));
}

@inline
export function siluSlope1(x: f32, s: f32): f32 {
  return s * (<f32>1 + x * (<f32>1 - s));
}
