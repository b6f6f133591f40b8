// Numbers as people read and write them; the same as dse/words.py, a test compares them.
const TIMES = { us: 1, "µs": 1, "μs": 1, ms: 1e3, s: 1e6, min: 6e7 };
const CLOCKS = { Hz: 1e-6, kHz: 1e-3, MHz: 1, GHz: 1e3 };
const THOUSANDS = { k: 1e3, M: 1e6, G: 1e9 };
const QUANTITY = /^([+-]?(?:[0-9]{1,3}(?:[, _\u00a0\u202f][0-9]{3})+|[0-9]+)?(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)[ \u00a0\u202f]*([a-zµμ]*)$/i;

const isTime = (metric) => metric.endsWith("_us") && /^\w+$/.test(metric);

function unitsOf(metric) {
  return { "": 1, ...(isTime(metric) ? TIMES : metric.endsWith("_mhz") ? CLOCKS : {}), ...THOUSANDS };
}

// The number that was typed, in the metric's unit; NaN for anything else.
export function quantity(text, metric) {
  const [, number, unit] = QUANTITY.exec(text.trim()) ?? [];
  if (!number) return NaN;
  const units = unitsOf(metric);
  const value = parseFloat(number.replace(/[, _\u00a0\u202f]/g, "")) * (units[unit] ?? units[unit.toLowerCase()] ?? NaN);
  return Number.isFinite(value) ? value : NaN;
}

export function refusal(text, metric) {
  const units = Object.keys(unitsOf(metric)).filter((unit) => /^[a-z]+$/i.test(unit));
  return `“${text}” is no value of ${metric}: use a number such as 6,500 or 100k, with one of ${units.join(", ")}, or none.`;
}

function latencyText(us) {
  if (us === 0) return "0 ms";
  const [unit, value] = Math.abs(us) >= 999_500 ? ["s", us / 1e6] : ["ms", us / 1e3];
  const digits = Math.max(2 - Math.floor(Math.log10(Number(Math.abs(value).toExponential(2)))), 0);
  return `${Number(value.toFixed(digits)).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}

function numberText(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
  if (Math.abs(value) >= 100) return value.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return String(Number(value.toPrecision(4)));
}

export function metricText(metric, value, isEstimate = false) {
  if (!Number.isFinite(value)) return String(value);
  if (isTime(metric)) return `${isEstimate ? "~" : ""}${latencyText(value)}`;
  return isEstimate ? `~${numberText(Number(value.toPrecision(3)))}` : numberText(value);
}

// A tick of an axis: as short as it can be.
export function tickText(metric, value) {
  if (isTime(metric) && value) return Math.abs(value) >= 999_500 ? `${Number((value / 1e6).toPrecision(4))} s` : `${Number((value / 1e3).toPrecision(4))} ms`;
  return short(value);
}

export function short(value) {
  const size = Math.abs(value);
  for (const [power, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= power) return `${Number((value / power).toPrecision(4))}${letter}`;
  }
  return String(Number(value.toPrecision(4)));
}
