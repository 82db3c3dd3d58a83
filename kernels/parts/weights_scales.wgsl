// Scales of quantized weights: weight = scale * (code - OFFSET) + minimum, one pair a group of GROUP inputs of a row.
//
// A lane owns four rows (outputs) of a tile of LANES * 4, and its scales lie together, [tile][group][lane]:
//   WIDE, MINIMUM    two vec4<f32>: scales, then minima
//   WIDE             one vec4<f32>
//   MINIMUM          one vec4<u32>: for each row (f16 scale, f16 minimum)
//   neither          half a vec4<u32>: four f16 scales
// ZERO: the minima are zeros z, in codes, and stand for -scale * z.
//
// A step is 32 inputs. GROUP = 16 has a pair for the low and one for the high half of a step. Longer groups are loaded once: an
// invocation stays with the rows it began with.

var<private> scale_low: vec4f;
var<private> scale_high: vec4f;
var<private> minimum_low: vec4f;
var<private> minimum_high: vec4f;
var<private> loaded_group: u32 = 0xffffffff;

struct ScalePair { scale: vec4f, minimum: vec4f }

fn stored_scale(index: u32) -> ScalePair {
  if (WIDE) {
    if (MINIMUM) { return ScalePair(bitcast<vec4f>(scales[index * 2]), bitcast<vec4f>(scales[index * 2 + 1])); }
    return ScalePair(bitcast<vec4f>(scales[index]), vec4f(0.0));
  }
  if (MINIMUM) {
    let s = scales[index];
    let a = unpack2x16float(s.x);
    let b = unpack2x16float(s.y);
    let c = unpack2x16float(s.z);
    let d = unpack2x16float(s.w);
    return ScalePair(vec4f(a.x, b.x, c.x, d.x), vec4f(a.y, b.y, c.y, d.y));
  }
  let both = scales[index / 2];
  let s = select(both.xy, both.zw, (index & 1) == 1);
  return ScalePair(vec4f(unpack2x16float(s.x), unpack2x16float(s.y)), vec4f(0.0));
}

fn load_scale(index: u32) -> ScalePair {
  let pair = stored_scale(index);
  // What codes are read as may be a multiple of what they stand for.
  let scale = pair.scale * UNIT;
  if (ZERO) { return ScalePair(scale, -scale * pair.minimum); }
  return ScalePair(scale, pair.minimum);
}

fn load_scales(tile: u32, step: u32, lane: u32) {
  if (GROUP == 16) {
    let low = load_scale((tile * p.steps * 2 + step * 2) * LANES + lane);
    let high = load_scale((tile * p.steps * 2 + step * 2 + 1) * LANES + lane);
    scale_low = low.scale;
    minimum_low = low.minimum;
    scale_high = high.scale;
    minimum_high = high.minimum;
    return;
  }
  let groups = (p.steps * 32 + GROUP - 1) / GROUP;
  let group = step * 32 / GROUP;
  if (GROUP > 32) {
    if (group == loaded_group) { return; }
    loaded_group = group;
  }
  let pair = load_scale((tile * groups + group) * LANES + lane);
  scale_low = pair.scale;
  minimum_low = pair.minimum;
  scale_high = pair.scale;
  minimum_high = pair.minimum;
}
