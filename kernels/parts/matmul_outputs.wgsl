// Where matrix products end: four rows of a token, with the bias if BIAS, added to what is there if ADD.

fn bias_of(row4: u32) -> vec4f {
  if (BIAS) { return bias[p.out_offset / 4 + row4]; }
  return vec4f(0.0);
}

fn put_rows(token: u32, row4: u32, sum: vec4f) {
  let at = token * (p.out_stride / 4) + p.out_offset / 4 + row4;
  if (ADD) {
    y[at] = OUT4(sum + vec4f(y[at]));
  } else {
    y[at] = OUT4(sum);
  }
}
