// Codes to weights, for formats with scales: weight = scale * (code - OFFSET) + minimum.

fn affine(codes: vec4f, scale: vec4f, minimum: vec4f) -> vec4f {
  if (OFFSET > 0) { return (codes - f32(OFFSET)) * scale + minimum; }
  return codes * scale + minimum;
}

fn weighted(w: Quarter) -> Quarter {
  return Quarter(affine(w.a0, scale_low, minimum_low), affine(w.a1, scale_low, minimum_low),
                 affine(w.a2, scale_low, minimum_low), affine(w.a3, scale_low, minimum_low),
                 affine(w.b0, scale_high, minimum_high), affine(w.b1, scale_high, minimum_high),
                 affine(w.b2, scale_high, minimum_high), affine(w.b3, scale_high, minimum_high));
}
