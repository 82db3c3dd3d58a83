// Formats without scales: the codes are the weights.
var<private> scale_low: vec4f;
var<private> scale_high: vec4f;
var<private> minimum_low: vec4f;
var<private> minimum_high: vec4f;
fn weighted(w: Quarter) -> Quarter { return w; }
